package crd_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// The operator checks again what the CRD has checked, because an older CRD may be installed. A URL that one side lets in and the other refuses
// would be an object that can never become Ready, or worse, one that sends what it should not.

func TestURLsAreJudgedAlike(t *testing.T) {
	agree(t, "url", callbackURLs(), 200, thingspace.CheckURL)
}

func TestAccountsAreJudgedAlike(t *testing.T) {
	agree(t, "account", accounts(), 60, thingspace.CheckAccount)
}

func agree(t *testing.T, field string, values []string, least int, check func(string) error) {
	t.Helper()
	letIn := 0
	for _, value := range values {
		if !utf8.ValidString(value) {
			t.Fatalf("%q can't be sent as JSON and so shows nothing", value)
		}
		said := admit(t.Context(), t, with(fields{field: value}))
		err := check(value)
		if (said == "") != (err == nil) {
			t.Errorf("%s %s:\n  API server: %s\n  operator:   %v", field, short(value), said, err)
		}
		if said == "" {
			letIn++
		}
	}
	t.Logf("%ss: %d tried, %d let in", field, len(values), letIn)
	if len(values) < least || letIn < least/10 || letIn > len(values)*9/10 {
		t.Errorf("%d of %d let in: too few of a kind to show anything", letIn, len(values))
	}
}

// What the checks say reaches conditions and logs: nothing of a URL's path may be in it.
func TestChecksKeepTheURLToThemselves(t *testing.T) {
	for _, url := range callbackURLs() {
		if err := thingspace.CheckURL(url); err != nil && len(url) > 12 && strings.Contains(err.Error(), url[len("https://"):]) {
			t.Errorf("%s is repeated in %q", short(url), err)
		}
	}
}

func short(s string) string {
	if len(s) > 120 {
		s = s[:60] + "…" + s[len(s)-40:]
	}
	return "«" + strings.ToValidUTF8(s, "?") + "»"
}
