package simulator

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/utils/clock"
)

// The credentials that Options leave out.
const (
	DefaultClientID     = "demo-key"
	DefaultClientSecret = "demo-secret"
	DefaultUsername     = "demo-user"
	DefaultPassword     = "demo-password"
)

// Options say how the simulated ThingSpace behaves where the facts leave room. The zero value is a well-behaved one with the default user.
type Options struct {
	// Clock defaults to the real one. Lives, latency and the pauses of faults run on it: on a fake clock they wait until it is stepped.
	Clock clock.Clock
	// BasePath stands before every call's path; "/api" where it is left out.
	BasePath string
	// ClientID, ClientSecret, Username and Password are the first application and user.
	ClientID, ClientSecret, Username, Password string
	// TokenLife is an hour where it is left out, SessionIdle 20 minutes; SessionLife ends a session although it is used (0: never).
	TokenLife, SessionIdle, SessionLife time.Duration
	// SingleSession makes a login end the user's other sessions. Nobody knows whether ThingSpace does.
	SingleSession bool
	// NoExpiresIn leaves expires_in out of token answers.
	NoExpiresIn bool
	// LoginRefusal is the status of a refused login: 400 (the default), 401 or 403.
	LoginRefusal int
	// BearerRefusal, SessionRefusal and AccountRefusal are how a dead token, a dead session and an account out of reach are refused;
	// left out, they are AnswerBearerStale, AnswerSessionExpired (or …Invalid, …Format: the one that is true) and AnswerDenied.
	BearerRefusal, SessionRefusal, AccountRefusal Answer
	// Nothing is how List says that nothing is registered; NothingEmpty where it is left out.
	Nothing Nothing
	// Normalize rewrites a URL as it is stored (see Normalizer); nil stores it as it is.
	Normalize func(string) string
	// UpdateMissing is the status of an Update where nothing is registered: 400, 404, or 200 (the default), which registers.
	UpdateMissing int
	// DeregisterMissing is the status of a Deregister where nothing is registered: 400, 404, or 200 (the default).
	DeregisterMissing int
	// AsArray makes List answer V1's array of one.
	AsArray bool
	// Latency delays every answer. What was asked has its effect before it.
	Latency time.Duration
	// LogSize bounds the record of requests; 0 keeps all.
	LogSize int
	// OnRequest is told of each request as it goes on record; it may be called by several at once.
	OnRequest func(Request)
}

// Validate says which value is none of those that Options list.
func (o Options) Validate() error {
	for name, status := range map[string]int{"an update": o.UpdateMissing, "a deregistration": o.DeregisterMissing} {
		if !slices.Contains([]int{0, 200, 400, 404}, status) {
			return fmt.Errorf("%s of nothing can be answered with 200, 400 or 404, not %d", name, status)
		}
	}
	if !slices.Contains([]int{0, 400, 401, 403}, o.LoginRefusal) {
		return fmt.Errorf("a login can be refused with 400, 401 or 403, not %d", o.LoginRefusal)
	}
	if _, ok := nothings[o.Nothing]; !ok && o.Nothing != "" {
		return fmt.Errorf("there is no way %q to say that nothing is registered; there are %s", o.Nothing, names(nothings))
	}
	for _, refusal := range []Answer{o.BearerRefusal, o.SessionRefusal, o.AccountRefusal} {
		if _, ok := answers[refusal]; !ok && refusal != "" {
			return unknownAnswer(refusal)
		}
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	orElse(&o.BasePath, "/api")
	orElse(&o.ClientID, DefaultClientID)
	orElse(&o.ClientSecret, DefaultClientSecret)
	orElse(&o.Username, DefaultUsername)
	orElse(&o.Password, DefaultPassword)
	orElse(&o.TokenLife, time.Hour)
	orElse(&o.SessionIdle, 20*time.Minute)
	orElse(&o.LoginRefusal, 400)
	orElse(&o.BearerRefusal, AnswerBearerStale)
	orElse(&o.AccountRefusal, AnswerDenied)
	orElse(&o.Nothing, NothingEmpty)
	return o
}

func orElse[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}
