package main

import "slices"

// defects are all that are tried.
var defects = slices.Concat(bent, bentSignIn, made)

// alone names, for each promise, a defect that nothing else notices: without that promise it has to survive.
var alone = map[string]string{
	"claimed first":      "a new URL is claimed after it is sent",
	"proved first":       "a proof serves for an hour",
	"released when gone": "handed over to one that is not Ready yet",
	"Ready is true":      "Ready beside a foreign URL that is left alone",
	"observed":           "a record ahead of an effect says that the next generation is observed",
	"hands off":          "a new URL is sent although the object is suspended",
	"only ours":          "a foreign URL is deregistered",
	"only as told":       "Warn corrects",
	"no gap":             "a deletion does not give its successor time after an outage",
	"can be undone":      "a foreign URL is replaced before it is on record",
	"at once":            "a request for a check is not heard",
	"waits when asked":   "Retry-After is not honoured",
	"logins":             "many logins a minute",
	"one host":           "a list follows redirects",
	"nothing secret":     "a password in the log",
	"no blind write":     "a finalizer that leaves all is taken off whatever the version",
	"no empty write":     "the claim is written again for each proof",
	"conditions":         "Stalled beside Reconciling while a Secret is missing",
	"settles":            "what is suspended is looked at all the time",
	"stays":              "a check hours after the last change writes",
	"as wished":          "credentials are not kept for the deletion",
	"no call too many":   "what is in sync is sent again until status says so",
	"own writes known":   "own writes are forgotten",
}

// neverAlone are promises of which no defect is known that nothing else notices: what they notice, others notice too.
var neverAlone = []string{"as undisturbed"}

// made are there for one promise each. Of two of them other promises take notice too by now, since there are more stories.
var made = []defect{
	{lostIntent, "a new URL is claimed after it is sent", "internal/rules/decide.go",
		"recordedFirst(o, live, Step{Action: Update, Claims: claims,", "recordedFirst(o, live, Step{Action: Update, Claims: claims && (o.Status.RegisteredURL == \"\" || o.Status.EchoedURL != \"\"),"},
	{staleView, "a proof serves for an hour", "internal/controller/pass.go",
		"proofServes = 5 * time.Second", "proofServes = time.Hour"},
	{lostIntent, "handed over to one that is not Ready yet", "internal/rules/deletion.go",
		"if ends := f.waitEnds(); f.Now.Before(ends)",
		"if next := f.Standing.Successor(); next != nil && next.Spec.Overwrites() {\n\t\treturn Step{Action: Release, Event: v1alpha1.EventHandedOver}\n\t}\n\tif ends := f.waitEnds(); f.Now.Before(ends)"},
	{policy, "Ready beside a foreign URL that is left alone", "internal/rules/summarise.go",
		"case last.Reason == v1alpha1.ReasonRegistered:\n\t\tready, working", "case last.Reason == v1alpha1.ReasonRegistered, last.Reason == v1alpha1.ReasonExistingRegistration:\n\t\tready, working"},
	{signIn, "a list follows redirects", "internal/thingspace/transport.go",
		"conn.RoundTrip(req) //", "(&http.Client{Transport: conn, CheckRedirect: func(_ *http.Request, via []*http.Request) error {\n\t\tif via[0].Method == http.MethodGet {\n\t\t\treturn nil\n\t\t}\n\t\treturn http.ErrUseLastResponse\n\t}}).Do(req) //"},
	{lostIntent, "a record ahead of an effect says that the next generation is observed", "internal/controller/pass.go",
		"status.ReplacedURL = step.Replaced\n", "status.ReplacedURL, status.ObservedGeneration = step.Replaced, p.facts.Object.Generation+1\n"},
	{policy, "a new URL is sent although the object is suspended", "internal/rules/decide.go",
		"case o.Spec.Suspend:", "case o.Spec.Suspend && (o.Status.RegisteredURL == \"\" || o.Status.RegisteredURL == o.Spec.URL):"},
	{staleView, "a finalizer that leaves all is taken off whatever the version", "internal/controller/pass.go",
		"\tsent := p.Clock.Now()\n", "\tif attempted == \"take the finalizer off\" && base.Spec.Retains() {\n\t\tpatch = client.MergeFrom(base)\n\t}\n\tsent := p.Clock.Now()\n"},
	{policy, "Stalled beside Reconciling while a Secret is missing", "internal/rules/summarise.go",
		"v1alpha1.ConditionStalled, stalled)", "v1alpha1.ConditionStalled, stalled || last.Reason == v1alpha1.ReasonCredentialsNotFound)"},
	{missedEvent, "what is suspended is looked at all the time", "internal/rules/due.go",
		"case reason == v1alpha1.ReasonSuspended, reason == v1alpha1.ReasonInvalidSpec:\n\t\treturn time.Time{}, false",
		"case reason == v1alpha1.ReasonSuspended, reason == v1alpha1.ReasonInvalidSpec:\n\t\treturn f.Now, true"},
	{policy, "Overwrite leaves a foreign URL alone", "internal/rules/decide.go",
		"case o.Status.RegisteredURL == \"\" && !o.Spec.Overwrites():", "case o.Status.RegisteredURL == \"\":"},
	{lostIntent, "what is in sync is sent again until status says so", "internal/rules/decide.go",
		"return thingspace.EqualURLs(live, o.Spec.URL) ||", "return thingspace.EqualURLs(live, o.Spec.URL) && (o.Status.RegisteredURL == o.Spec.URL || !HasFinalizer(o)) ||"},
}
