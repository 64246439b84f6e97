package crd_test

import (
	"strings"
	"testing"
	"time"
)

// Each row is a spec with one field changed, and a part of what the API server must say; "" where it must let the spec in.
func TestAdmission(t *testing.T) {
	const (
		accountForm = "account must be letters and digits, in groups joined by single hyphens, for example 0000123456-00001"
		visible     = "url must be visible ASCII only"
		https       = "url must start with https:// (in lower case): ThingSpace posts to HTTPS endpoints only"
		hostOnly    = "url must have a host and no user name, password, backslash in the host or fragment"
		unparsable  = "url can't be parsed: it must look like https://fota.example.com/callbacks"
		port        = "url's port must be between 1 and 65535"
		interval    = "interval must be a duration between 1m and 24h in hours, minutes and seconds, for example 10m or 1h30m"
		secretName  = "name must be the name of a Secret: lower case letters, digits, hyphens and dots"
	)
	long := func(n int) string { return aURL + "/" + strings.Repeat("x", n-len(aURL)-1) }
	for _, row := range []struct {
		field string
		value any
		says  string
	}{
		{"account", "0000123456-00001", ""},
		{"account", "TestAccount-1", ""},
		{"account", "7", ""},
		{"account", strings.Repeat("a", 64), ""},
		{"account", nil, "spec.account: Required value"},
		{"account", "", "spec.account: Invalid value: \"\": spec.account in body should be at least 1 chars long"},
		{"account", strings.Repeat("a", 65), "spec.account: Too long: may not be more than 64 bytes"},
		{"account", 123456, "must be of type string"},
		{"account", "..", accountForm},
		{"account", "a/b", accountForm},
		{"account", "a b", accountForm},
		{"account", "-a", accountForm},
		{"account", "a-", accountForm},
		{"account", "a--b", accountForm},
		{"account", "0000123456_00001", accountForm},
		{"account", "0000123456-00001\n", accountForm},

		{"url", "https://fota.example.com", ""},
		{"url", "https://fota.example.com/callbacks?key=a%20b&x='\"", ""},
		{"url", "https://fota.example.com?only=query", ""},
		{"url", "https://FOTA.example.com:8443/", ""},
		{"url", "https://[2001:db8::1]:8443/callbacks", ""},
		{"url", "https://192.0.2.1/callbacks", ""},
		{"url", long(2048), ""},
		{"url", long(2049), "spec.url: Too long: may not be more than 2048 bytes"},
		{"url", nil, "spec.url: Required value"},
		{"url", "", "should be at least 1 chars long"},
		{"url", "http://fota.example.com/", https},
		{"url", "HTTPS://fota.example.com/", https},
		{"url", "fota.example.com/callbacks", https},
		{"url", "ftp://fota.example.com/", https},
		{"url", "https://", hostOnly},
		{"url", "https:///callbacks", hostOnly},
		{"url", "https://user:password@fota.example.com/", hostOnly},
		{"url", "https://fota.example.com/#part", hostOnly},
		{"url", "https://fota.example.com\\callbacks", hostOnly},
		{"url", "https://fota.example.com/call backs", visible},
		{"url", "https://fota.example.com/\u00fcber", visible},
		{"url", "https://f\u00f6ta.example.com/", visible},
		{"url", "https://fota.example.com/\n", visible},
		{"url", "https://fota.example.com/%zz", unparsable},
		{"url", "https://:443/", unparsable},
		{"url", "https://fota.example.com:http/", unparsable},
		{"url", "https://fota.example.com:0/", port},
		{"url", "https://fota.example.com:65536/", port},

		{"interval", "1m", ""},
		{"interval", "60s", ""},
		{"interval", "10m", ""},
		{"interval", "1h30m", ""},
		{"interval", "1.5h", ""},
		{"interval", "24h", ""},
		{"interval", "", "should be at least 1 chars long"},
		{"interval", "59s", interval},
		{"interval", "24h1s", interval},
		{"interval", "0", interval},
		{"interval", "10", interval},
		{"interval", "-10m", interval},
		{"interval", "1d", interval},
		{"interval", "3 days", interval},
		{"interval", "10m ", interval},
		{"interval", 600, "must be of type string"},

		{"adoptionPolicy", "Overwrite", ""},
		{"adoptionPolicy", "IfUnregistered", ""},
		{"adoptionPolicy", "overwrite", `supported values: "Overwrite", "IfUnregistered"`},
		{"adoptionPolicy", "", `supported values: "Overwrite", "IfUnregistered"`},
		{"driftPolicy", "Correct", ""},
		{"driftPolicy", "Warn", ""},
		{"driftPolicy", "Ignore", `supported values: "Correct", "Warn"`},
		{"deletionPolicy", "Deregister", ""},
		{"deletionPolicy", "Retain", ""},
		{"deletionPolicy", "Delete", `supported values: "Deregister", "Retain"`},

		{"suspend", true, ""},
		{"suspend", false, ""},
		{"suspend", "true", "must be of type boolean"},

		{"credentialsSecretRef", map[string]any{"name": "thingspace-credentials"}, ""},
		{"credentialsSecretRef", map[string]any{"name": "team.a"}, ""},
		{"credentialsSecretRef", map[string]any{}, "spec.credentialsSecretRef.name: Required value"},
		{"credentialsSecretRef", map[string]any{"name": ""}, "should be at least 1 chars long"},
		{"credentialsSecretRef", map[string]any{"name": "Team_A"}, secretName},
		{"credentialsSecretRef", map[string]any{"name": "../other/secret"}, secretName},
		{"credentialsSecretRef", map[string]any{"name": strings.Repeat("a", 254)}, "Too long: may not be more than 253 bytes"},
		{"credentialsSecretRef", map[string]any{"name": "a", "namespace": "b"}, `unknown field "spec.credentialsSecretRef.namespace"`},
		{"credentialSecretRef", map[string]any{"name": "a"}, `unknown field "spec.credentialSecretRef"`},
	} {
		said := admit(t.Context(), t, with(fields{row.field: row.value}))
		switch {
		case row.says == "" && said != "":
			t.Errorf("%s %q was refused: %s", row.field, row.value, said)
		case row.says != "" && said == "":
			t.Errorf("%s %q was let in; expected: %s", row.field, row.value, row.says)
		case !strings.Contains(said, row.says):
			t.Errorf("%s %q\n  was refused with %s\n  expected         %s", row.field, row.value, said, row.says)
		}
	}
}

// Whatever interval is let in, the operator can read: an object that it can't read would stop its informer.
func TestIntervalsLetInCanBeRead(t *testing.T) {
	letIn, refused := 0, 0
	for _, interval := range intervals() {
		if admit(t.Context(), t, with(fields{"interval": interval})) != "" {
			refused++
			continue
		}
		letIn++
		read, err := time.ParseDuration(interval)
		if err != nil || read < time.Minute || read > 24*time.Hour {
			t.Errorf("interval %q was let in, and is read as %v, %v", interval, read, err)
		}
	}
	t.Logf("intervals: %d let in, %d refused", letIn, refused)
	if letIn < 30 || refused < 30 {
		t.Errorf("%d let in and %d refused: too few of a kind to show anything", letIn, refused)
	}
}
