package poller

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/budget"
	"github.com/presence-gateway/presence-gateway/poller/graph"
	"github.com/presence-gateway/presence-gateway/poller/plan"
)

// result is what became of one request.
type result struct {
	batch  *plan.Batch
	out    []presence.ID // of it, those who were not asked about, because they opted out
	sent   bool
	asked  time.Time
	answer *graph.Answer // nil: err says why
	err    error
	spend  *budget.Spend
}

// read sends one request and settles its place in the budget, but for a 429: that is the loop's.
func read(ctx context.Context, source Source, ids []presence.ID, spend *budget.Spend) result {
	r := result{sent: true, asked: time.Now(), spend: spend}
	r.answer, r.err = source.Read(ctx, ids)
	failure := asGraph(r.err)
	switch {
	case r.err == nil:
		spend.Answered(r.answer.Answered)
	case failure.Status == http.StatusTooManyRequests:
		spend.Throttled(failure.RetryAfter, failure.RetryAfterSet)
	case failure.Answered:
		spend.Answered(time.Now())
	case failure.ClientRequestID == "" && failure.Op != "":
		r.sent = false
		spend.Unused()
	default:
		spend.Lost()
	}
	return r
}

// asGraph returns the graph error in err, or one that says nothing but err.
func asGraph(err error) *graph.Error {
	if failure, ok := errors.AsType[*graph.Error](err); ok {
		return failure
	}
	return &graph.Error{Err: err}
}

// code is what metrics call the outcome: Graph's status, or why there is none.
func (r *result) code() string {
	failure := asGraph(r.err)
	switch {
	case r.err == nil:
		return "200"
	case failure.Status == http.StatusOK:
		return "broken"
	case failure.Status != 0:
		return strconv.Itoa(failure.Status)
	case errors.Is(r.err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(r.err, context.Canceled):
		return "canceled"
	}
	return "error"
}

// reason is what clients are told when no read succeeds because of r.
func reason(err error) presence.Reason {
	switch failure := asGraph(err); {
	case failure.Status == http.StatusTooManyRequests:
		return presence.Throttled
	case failure.Status == http.StatusUnauthorized, failure.Status == http.StatusForbidden, errors.Is(err, graph.ErrCredential):
		return presence.Unauthorized
	}
	return presence.GraphUnavailable
}
