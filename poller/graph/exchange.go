package graph

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// exchange is one request and its answer.
type exchange struct {
	op     string // for errors and the log
	method string
	url    *url.URL
	body   []byte      // JSON; nil for a GET
	header http.Header // beyond what every request has; may be nil

	requestID, clientRequestID string
	asked, answered            time.Time // the request began; the last byte of its answer was here
	size                       int64     // of the answer, decompressed
}

// do sends x once and reads a 200's JSON body into buffer. Whatever else happens is an [*Error].
func (c *Client) do(ctx context.Context, x *exchange, buffer *bytes.Buffer) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	token, err := c.credential.Token(ctx)
	if err == nil && token.Value == "" {
		err = errors.New("the credential gave an empty one")
	}
	if err != nil {
		return &Error{Op: x.op, Err: fmt.Errorf("%w: %w", ErrCredential, err)}
	}
	x.clientRequestID = newGUID()
	request := (&http.Request{
		Method:        x.method,
		URL:           x.url,
		Header:        x.headers(token),
		Body:          once{bytes.NewReader(x.body)},
		ContentLength: int64(len(x.body)),
	}).WithContext(ctx)
	x.asked = time.Now()
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		failure := &Error{Op: x.op, ClientRequestID: x.clientRequestID, Err: c.overdue(ctx, err)}
		c.trace(x, 0, failure)
		return failure
	}
	defer response.Body.Close()
	failure := c.receive(response, x, token, buffer)
	x.answered = time.Now()
	if failure != nil {
		failure.Err = c.overdue(ctx, failure.Err)
		c.trace(x, response.StatusCode, failure)
		return failure
	}
	x.size = int64(buffer.Len())
	c.trace(x, response.StatusCode, nil)
	return nil
}

func (x *exchange) headers(token Token) http.Header {
	header := http.Header{
		"Accept":            {"application/json"},
		"Authorization":     {"Bearer " + token.Value},
		"Client-Request-Id": {x.clientRequestID},
		"User-Agent":        {"presence-gateway"},
	}
	if x.body != nil {
		header.Set("Content-Type", "application/json")
	}
	for name, values := range x.header {
		header[name] = values
	}
	return header
}

// receive reads the answer to x. nil: it is a 200 whose JSON is in buffer.
func (c *Client) receive(response *http.Response, x *exchange, token Token, buffer *bytes.Buffer) *Error {
	x.requestID = token.conceal(response.Header.Get("request-id"), 64)
	x.clientRequestID = cmp.Or(token.conceal(response.Header.Get("client-request-id"), 64), x.clientRequestID)
	failure := &Error{
		Op:              x.op,
		Status:          response.StatusCode,
		RequestID:       x.requestID,
		ClientRequestID: x.clientRequestID,
		Answered:        true,
	}
	switch status := response.StatusCode; {
	case status == http.StatusOK:
		if failure.Err = c.readAnswer(response, buffer); failure.Err == nil {
			return nil
		}
	case status < 300:
		failure.Err = errors.New("not an answer to a read")
	case status < 400:
		failure.Err = fmt.Errorf("redirected%s: a token is not carried there", towards(response))
	default:
		failure.RetryAfter, failure.RetryAfterSet = retryAfter(response.Header, time.Now())
		if status == http.StatusUnauthorized {
			failure.Claims, _ = Claims(response.Header)
		}
		// A body that breaks off says nothing that the status does not.
		body, _ := io.ReadAll(io.LimitReader(response.Body, maxErrorBytes))
		failure.explain(body, token)
		x.requestID = failure.RequestID
		if status == http.StatusServiceUnavailable {
			// Graph's best practices: try again over a new connection.
			c.transport.CloseIdleConnections()
		}
	}
	return failure
}

// readAnswer reads a whole JSON body, as large as allowed after decompression.
func (c *Client) readAnswer(response *http.Response, buffer *bytes.Buffer) error {
	if header := response.Header.Get("Content-Type"); header != "" {
		media, _, err := mime.ParseMediaType(header)
		if err != nil || media != "application/json" {
			return fmt.Errorf("the answer is %.64q, not application/json", header)
		}
	}
	if encoding := response.Header.Get("Content-Encoding"); encoding != "" {
		return fmt.Errorf("the answer is encoded as %.32q, which nobody asked for", encoding)
	}
	buffer.Reset()
	n, err := buffer.ReadFrom(io.LimitReader(response.Body, c.maxBytes+1))
	switch {
	case err != nil:
		return fmt.Errorf("the answer broke off: %w", err)
	case n > c.maxBytes:
		return fmt.Errorf("the answer is larger than %d bytes", c.maxBytes)
	case n == 0:
		return errors.New("the answer is empty")
	}
	return nil
}

// towards names the host of a redirect, and no more of it: the rest may hold anything.
func towards(response *http.Response) string {
	location, err := response.Location()
	if err != nil || location.Host == "" {
		return ""
	}
	return fmt.Sprintf(" to %.128q", location.Scheme+"://"+location.Host)
}

// overdue says of an error that time ran out, where that is so: net/http has several words for it.
func (c *Client) overdue(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return fmt.Errorf("not finished in time, %v at most: %w", c.timeout, context.DeadlineExceeded)
	}
	return err
}

// trace logs x with all ids that Graph's support asks for.
func (c *Client) trace(x *exchange, status int, failure *Error) {
	entry := c.log.Check(zapcore.DebugLevel, "request")
	if entry == nil {
		return
	}
	fields := []zap.Field{
		zap.String("op", x.op),
		zap.Int("status", status),
		zap.Duration("took", time.Since(x.asked)),
		zap.String("request-id", x.requestID),
		zap.String("client-request-id", x.clientRequestID),
	}
	if failure != nil {
		fields = append(fields, zap.Error(failure))
	}
	entry.Write(fields...)
}

// newGUID returns a random GUID (RFC 9562, version 4).
func newGUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
