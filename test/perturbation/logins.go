package perturbation

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/fota-callback-operator/fota-callback-operator/internal/logins"
)

// userLogins is what the far side has seen of its one user: what a lock-out is judged by.
type userLogins struct {
	failed int // in a row, unanswered ones included
	// unsuccessful is how many in a row have been made without an answer that says that one has succeeded.
	unsuccessful int
	// before is what that was when one was last heard to have succeeded, at heardAt.
	before  int
	heardAt time.Time
	last    time.Time
	// proven are the bodies of logins that have succeeded.
	proven map[string]bool
}

// processLogins is what one process knows of logins: the bodies whose refusal it has heard.
type processLogins struct{ refused map[string]bool }

// atOnce is no longer than it takes to start again after a crash.
const atOnce = 2 * time.Second

// ended says that a process has ended: what it has just learned may not be recorded yet.
func (w *world) ended() {
	if user := &w.logins; w.clock.Now().Sub(user.heardAt) < atOnce {
		user.unsuccessful = user.before
	}
}

// attempt is one login; nil for any other call.
type attempt struct {
	replica *replica
	body    string
	// refused says that ThingSpace has looked at the password and refused it.
	refused bool
	// session says that it has brought one.
	session bool
}

// loginBody is what a login with a password sends.
func loginBody(password string) string {
	body, err := json.Marshal(map[string]string{"username": username, "password": password})
	if err != nil {
		panic(err)
	}
	return string(body)
}

func (r *replica) attempt(request *http.Request, e effect) *attempt {
	if e.kind != "login" {
		return nil
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		panic(err)
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	return &attempt{replica: r, body: string(body)}
}

// answered takes the simulator's own answer: what the gateway refuses, nobody has looked at; in an outage somebody may have.
func (a *attempt) answered(serve func() (status int)) {
	if a == nil {
		serve()
		return
	}
	before := a.replica.world.far.FailedLogins(username)
	status := serve()
	a.refused = a.replica.world.far.FailedLogins(username) > before
	if a.refused || status == http.StatusOK || status >= http.StatusInternalServerError {
		a.made(status, status == http.StatusOK)
	}
}

// made judges a login that has reached ThingSpace: at most one a minute for each user, none with a password whose refusal the process has heard or that is
// recorded, never a fourth that fails in a row, and after three without a verdict one in ten minutes with a password that has been right.
func (a *attempt) made(status int, session bool) {
	if a == nil {
		return
	}
	w, process, user := a.replica.world, &a.replica.logins, &a.replica.world.logins
	now := w.clock.Now()
	if now.Sub(user.last) < time.Minute {
		w.failf(oracleLogins, "a second login within a minute")
	}
	if process.refused[a.body] || w.onRecordAsRefused(a.body) {
		w.failf(oracleLogins, "a login with a password that was refused")
	}
	if user.failed >= 3 && (!user.proven[a.body] || now.Sub(user.last) < 10*time.Minute) {
		w.failf(oracleLogins, "a login after %d that failed", user.failed)
	}
	user.last = now
	switch {
	case session:
		user.failed = 0
		user.proven[a.body] = true
	case status == http.StatusTooManyRequests: // no attempt
	default: // a 200 without a session too: nobody knows
		user.failed++
	}
	user.unsuccessful++
	a.session = session
	if failed := w.far.FailedLogins(username); failed > 3 {
		w.failf(oracleLogins, "%d logins in a row have failed", failed)
	}
}

// onRecordAsRefused says whether the record tells of each Secret that holds what a login is made with that it was refused: what a copy holds is known only when it
// is read.
func (w *world) onRecordAsRefused(body string) bool {
	held := false
	for _, secret := range w.kube.secrets {
		if loginBody(string(secret.Data["password"])) != body {
			continue
		}
		held = true
		if !slices.ContainsFunc(w.recorded().Refused, func(v logins.Version) bool {
			return v.UID == string(secret.UID) && v.ResourceVersion == secret.ResourceVersion
		}) {
			return false
		}
	}
	return held
}

// left says that a Secret holds a password no more: where none does, and it comes back, it may be tried again.
func (w *world) left(password string) {
	if body := loginBody(password); !w.holdsPasswordOf(body) {
		delete(w.leader.logins.refused, body)
	}
}

// holdsPasswordOf says whether a Secret holds what a login was made with.
func (w *world) holdsPasswordOf(body string) bool {
	for _, secret := range w.kube.secrets {
		if loginBody(string(secret.Data["password"])) == body {
			return true
		}
	}
	return false
}

// looksRefused takes a wrong answer for what it looks like: of a password that ThingSpace says it has refused, nobody can know better.
func (a *attempt) looksRefused(answer *refusal) {
	if a != nil {
		a.refused = answer.refusesLogin
	}
}

// heard says that the process has got the answer.
func (a *attempt) heard() {
	if a == nil {
		return
	}
	if a.session {
		user := &a.replica.world.logins
		user.before, user.heardAt, user.unsuccessful = user.unsuccessful, a.replica.world.clock.Now(), 0
	}
	if a.refused && a.replica.world.holdsPasswordOf(a.body) {
		a.replica.logins.refused[a.body] = true
	}
}

// keepSecrets remembers a token or session that was issued: nobody may see it either.
func (w *world) keepSecrets(answer []byte) {
	var issued struct {
		AccessToken  string `json:"access_token"`
		SessionToken string `json:"sessionToken"`
	}
	if json.Unmarshal(answer, &issued) != nil {
		return
	}
	for _, secret := range []string{issued.AccessToken, issued.SessionToken} {
		if secret != "" && !slices.Contains(w.secrets, secret) {
			w.secrets = append(w.secrets, secret)
		}
	}
}
