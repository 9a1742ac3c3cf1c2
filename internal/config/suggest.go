package config

import "strings"

// suggest answers which of the known words was probably meant: one or two slips of the keyboard away, or the same
// but for punctuation.
func suggest(word string, known []string) (string, bool) {
	best, bestDistance := "", 3
	for _, candidate := range known {
		if plain(candidate) == plain(word) {
			return candidate, true
		}
		limit := min(2, len(candidate)/2)
		if d := distance(word, candidate); d < bestDistance && d <= limit {
			best, bestDistance = candidate, d
		}
	}
	return best, best != ""
}

func plain(word string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "").Replace(word))
}

// distance counts insertions, deletions, changes and swaps of neighbours that turn a into b. Long words, which no
// key is, are not compared.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
