package graphsim

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const defaultPage, maxPage = 100, 999

// page is the part of a list that one answer holds.
type pageOf struct {
	from, top int
	token     bool // a continuation
}

// page reads $top and $skiptoken.
func (c *call) page() (p pageOf, refused *answer) {
	p.top = defaultPage
	if asked := c.query.Get("$top"); asked != "" {
		n, err := strconv.Atoi(asked)
		if err != nil || n < 1 || n > maxPage {
			return p, c.fail(http.StatusBadRequest, "Request_BadRequest", "Invalid page size specified: '"+asked+"'. Must be between 1 and 999 inclusive.")
		}
		p.top = n
	}
	if token := c.query.Get("$skiptoken"); token != "" {
		raw, err := base64.RawURLEncoding.DecodeString(token)
		n, found := strings.CutPrefix(string(raw), "graphsim/")
		from, convErr := strconv.Atoi(n)
		if err != nil || !found || convErr != nil || from < 0 {
			return p, c.fail(http.StatusBadRequest, "Directory_ExpiredPageToken", "The specified page token value has expired and can no longer be included in your request.")
		}
		p.from, p.token = from, true
	}
	return p, nil
}

// nextLink is absolute and repeats the query, as Graph's do.
func (c *call) nextLink(from int) string {
	q := make(url.Values, len(c.query)+1)
	for name, values := range c.query {
		q[name] = values
	}
	q.Set("$skiptoken", base64.RawURLEncoding.EncodeToString([]byte("graphsim/"+strconv.Itoa(from))))
	// Graph leaves the dollar signs as they are.
	return c.base + (&url.URL{Path: c.rawPath}).EscapedPath() + "?" + strings.ReplaceAll(q.Encode(), "%24", "$")
}

// list answers the page of total things that p says; write appends the i-th.
func (c *call) list(p pageOf, place string, total, cost int, write func(dst []byte, i int) []byte) *answer {
	body := append([]byte{'{'}, c.context(place)...)
	if c.query.Get("$count") == "true" && !p.token {
		body = append(body, `,"@odata.count":`...)
		body = strconv.AppendInt(body, int64(total), 10)
	}
	end := min(p.from+p.top, total)
	if c.fate.emptyPages && !p.token {
		end = 0 // a page may be empty and yet not be the last
	}
	if end < total {
		body = append(append(body, `,"@odata.nextLink":`...), quoteLink(c.nextLink(end))...)
	}
	body = append(body, `,"value":[`...)
	for i := p.from; i < end; i++ {
		if i > p.from {
			body = append(body, ',')
		}
		body = write(body, i)
	}
	return c.priced(found(append(body, "]}"...)), cost)
}

// quoteLink quotes a link that holds nothing JSON must escape.
func quoteLink(s string) string { return `"` + s + `"` }

// priced says what a directory call costs by the published table.
func (c *call) priced(a *answer, cost int) *answer {
	if c.query.Get("$select") != "" {
		cost--
	}
	if top, err := strconv.Atoi(c.query.Get("$top")); err == nil && top < 20 {
		cost--
	}
	a.header.Set("x-ms-resource-unit", strconv.Itoa(max(cost, 1)))
	return a
}
