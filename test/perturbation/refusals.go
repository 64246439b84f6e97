package perturbation

import (
	"errors"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// refusal is an answer instead of an effect.
type refusal struct {
	name string
	// kubernetes makes an error of the API; otherwise it is an answer of ThingSpace.
	kubernetes func() error
	status     int
	body       string
	header     map[string]string
	// toMutations says that it makes sense only there: to a list it would be a lie that nobody could tell from the truth.
	toMutations bool
	// refusesLogin says that it tells a login that its password is wrong.
	refusesLogin bool
	// byGateway says that a login that is answered so has not been looked at.
	byGateway bool
}

func (r *refusal) fits(e effect) bool {
	return e.ofKubernetes() == (r.kubernetes != nil) && (!r.toMutations || e.mutatesFarSide())
}

var refusals = []*refusal{
	{name: "conflict", kubernetes: func() error { return apierrors.NewConflict(resource, "x", errors.New("x")) }},
	{name: "internal error", kubernetes: func() error { return apierrors.NewInternalError(errors.New("x")) }},
	{name: "server timeout", kubernetes: func() error { return apierrors.NewServerTimeout(resource, "patch", 1) }},
	{name: "timeout", kubernetes: func() error { return apierrors.NewTimeoutError("x", 1) }},
	{name: "too many requests", kubernetes: func() error { return apierrors.NewTooManyRequests("x", 1) }},
	{name: "forbidden", kubernetes: func() error { return apierrors.NewForbidden(resource, "x", errors.New("x")) }},
	{name: "unavailable", kubernetes: func() error { return apierrors.NewServiceUnavailable("x") }},
	{name: "etcd gone", kubernetes: func() error {
		return apierrors.NewGenericServerResponse(http.StatusInternalServerError, "patch", schema.GroupResource{}, "", "etcdserver: leader changed", 0, true)
	}},

	{name: "200 with another object", status: 200, body: `{"foo":1}`},
	{name: "200 with HTML", status: 200, body: "<html>"},
	{name: "200 cut off", status: 200, body: `{"url":"https://fo`},
	{name: "200 that says success false", status: 200, body: `{"success":false}`},
	{name: "200 with an error code", status: 200, body: `{"errorCode":"X"}`},
	{name: "200 with a list of null", status: 200, body: "[null]"},
	{name: "200 that echoes another host", status: 200, body: `{"url":"https://elsewhere.example.net/hook"}`, toMutations: true},
	{name: "200 that says success and does nothing", status: 200, body: `{"success":true}`, toMutations: true},
	{name: "201", status: 201, body: "{}"},
	{name: "302", status: 302, header: map[string]string{"Location": "http://elsewhere.example.net/"}},
	{name: "307", status: 307, header: map[string]string{"Location": "http://elsewhere.example.net/"}},
	{name: "400", status: 400, body: `{"errorCode":"INVALID_PARAMETER"}`, refusesLogin: true},
	{name: "400 in HTML", status: 400, body: "<html>"},
	{name: "401", status: 401, refusesLogin: true},
	{name: "401 of a stale bearer", status: 401, body: `{"fault":{"code":"900901"}}`, byGateway: true},
	{name: "400 of a session that expired", status: 400, body: `{"errorCode":"X.SessionToken.Expired"}`, refusesLogin: true},
	{name: "401 of an invalid session", status: 401, body: `{"errorCode":"X.SessionToken.Invalid"}`, refusesLogin: true},
	{name: "403", status: 403, body: `{"errorCode":"DENIED"}`, refusesLogin: true},
	{name: "403 of a proxy", status: 403, body: "<html>"},
	{name: "403 of the gateway", status: 403, body: `{"fault":{"code":"900908"}}`, byGateway: true},
	{name: "403 that throttles", status: 403, body: `{"fault":{"code":900804}}`, byGateway: true},
	{name: "404 of a web server", status: 404, body: "<html>"},
	{name: "408", status: 408},
	{name: "422", status: 422, body: `{"errorCode":"X"}`},
	{name: "425", status: 425},
	{name: "429", status: 429, header: map[string]string{"Retry-After": "7"}},
	{name: "500", status: 500},
	{name: "503", status: 503, header: map[string]string{"Retry-After": "3"}},
	{name: "504 in HTML", status: 504, body: "<html>"},
}
