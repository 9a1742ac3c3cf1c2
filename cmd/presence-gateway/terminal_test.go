//go:build linux

package main_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
	"golang.org/x/sys/unix"
)

// terminal is a program on a pseudo-terminal, and the screen that a person would see.
type terminal struct {
	t       testing.TB
	master  *os.File
	command *exec.Cmd
	ended   chan struct{}

	mu            sync.Mutex
	width, height int
	grid          [][]string // cells; "" behind a wide one
	styles        [][]string // how each is shown
	style         string
	row, column   int
	other, hidden bool // the other page; no cursor
	raw           strings.Builder
	unread        []byte
	writes        int // frames
}

// open runs the program on a terminal of this size.
func open(t testing.TB, width, height int, env []string, arguments ...string) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	x := &terminal{t: t, master: master, command: exec.Command(binary, arguments...), ended: make(chan struct{})}
	x.resize(width, height)
	x.command.Env = append([]string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "TERM=xterm-256color"}, env...)
	x.command.Stdin, x.command.Stdout, x.command.Stderr = slave, slave, slave
	x.command.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true}
	if err := x.command.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(x, master)
	}()
	go func() {
		defer close(x.ended)
		_ = x.command.Wait()
	}()
	t.Cleanup(func() {
		_ = x.command.Process.Kill()
		<-x.ended
		_ = master.Close()
		<-read
		if t.Failed() {
			t.Logf("the screen:\n%s", x.screen())
		}
	})
	return x
}

func (x *terminal) resize(width, height int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.width, x.height = width, height
	x.grid, x.styles = make([][]string, height), make([][]string, height)
	for i := range x.grid {
		x.grid[i], x.styles[i] = make([]string, width), make([]string, width)
	}
	if err := unix.IoctlSetWinsize(int(x.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(height), Col: uint16(width)}); err != nil {
		x.t.Fatal(err)
	}
}

func (x *terminal) press(keys string) {
	x.t.Helper()
	if _, err := x.master.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

// Write takes what the program says.
func (x *terminal) Write(text []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.raw.Write(text)
	x.unread = append(x.unread, text...)
	for len(x.unread) > 0 {
		n := x.step(x.unread)
		if n == 0 {
			break
		}
		x.unread = x.unread[n:]
	}
	return len(text), nil
}

// step does what the first character or sequence says; 0 when it is not whole yet.
func (x *terminal) step(text []byte) int {
	switch text[0] {
	case '\r':
		x.column = 0
		return 1
	case '\n':
		if x.row++; x.row >= x.height {
			x.row = x.height - 1
			x.t.Error("the screen scrolled")
		}
		return 1
	case 0x1b:
		return x.sequence(text)
	}
	if !utf8.FullRune(text) {
		return 0
	}
	r, n := utf8.DecodeRune(text)
	width := runewidth.RuneWidth(r)
	switch {
	case r < ' ' || r == 0x7f:
		x.t.Errorf("a control character %q", r)
	case width == 0 && x.column > 0:
		x.grid[x.row][x.column-1] += string(r)
	case x.column+width > x.width:
		x.t.Errorf("line %d is longer than the %d columns of the screen", x.row, x.width)
	default:
		x.grid[x.row][x.column], x.styles[x.row][x.column] = string(r), x.style
		for i := 1; i < width; i++ {
			x.grid[x.row][x.column+i] = ""
		}
		x.column += width
	}
	return n
}

func (x *terminal) sequence(text []byte) int {
	end := 2
	for end < len(text) && (text[end] < '@' || text[end] > '~') {
		end++
	}
	if end >= len(text) {
		return 0
	}
	clear := func(row, from int) {
		for i := from; i < x.width; i++ {
			x.grid[row][i], x.styles[row][i] = " ", ""
		}
	}
	switch sequence := string(text[1 : end+1]); sequence {
	case "[H":
		x.row, x.column = 0, 0
		x.writes++
	case "[K":
		clear(x.row, x.column)
	case "[J", "[2J":
		if sequence == "[J" {
			clear(x.row, x.column)
		}
		for row := range x.grid {
			if row > x.row || sequence == "[2J" {
				clear(row, 0)
			}
		}
	case "[?1049h", "[?1049l":
		x.other = strings.HasSuffix(sequence, "h")
	case "[?25l", "[?25h":
		x.hidden = strings.HasSuffix(sequence, "l")
	case "[?2026h", "[?2026l":
	default:
		if text[end] != 'm' {
			x.t.Errorf("a sequence %q", sequence)
		}
		x.style = strings.Trim(sequence, "[m")
	}
	return end + 1
}

// away reports whether the cursor and what was there before are hidden.
func (x *terminal) away() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.hidden || x.other
}

// screen is what stands on the screen, without the space at the ends of lines.
func (x *terminal) screen() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var b strings.Builder
	for _, row := range x.grid {
		b.WriteString(strings.TrimRight(strings.Join(row, ""), " ") + "\n")
	}
	return b.String()
}

// line is the first line of the screen with text in it, and how the text is shown.
func (x *terminal) line(text string) (line, style string) {
	for i, line := range strings.Split(x.screen(), "\n") {
		if before, _, found := strings.Cut(line, text); found {
			x.mu.Lock()
			defer x.mu.Unlock()
			return line, x.styles[i][utf8.RuneCountInString(before)]
		}
	}
	return "", ""
}

// shows waits until the screen has all of these texts on one line.
func (x *terminal) shows(texts ...string) {
	x.t.Helper()
	x.until(fmt.Sprintf("a line with %q", texts), func() bool {
		for line := range strings.SplitSeq(x.screen(), "\n") {
			all := true
			for _, text := range texts {
				all = all && strings.Contains(line, text)
			}
			if all {
				return true
			}
		}
		return false
	})
}

func (x *terminal) until(what string, holds func() bool) {
	x.t.Helper()
	eventually(x.t, 40*time.Second, what, holds)
}

func (x *terminal) exit() int {
	x.t.Helper()
	select {
	case <-x.ended:
		return x.command.ProcessState.ExitCode()
	case <-time.After(10 * time.Second):
		x.t.Fatal("still running")
		return 0
	}
}
