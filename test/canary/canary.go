// Package canary finds secrets in what a program shows, in whatever form they got there.
package canary

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Forms are the ways in which a secret may be shown: as it is, in both kinds of base64, in hexadecimal of either case, escaped for a URL,
// and escaped for JSON.
func Forms(secret string) []string {
	hexadecimal := hex.EncodeToString([]byte(secret))
	quoted := strconv.Quote(secret)
	forms := []string{
		secret, base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
		hexadecimal, strings.ToUpper(hexadecimal), url.QueryEscape(secret), quoted[1 : len(quoted)-1],
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// Find returns those of the forms of some secrets that a text shows.
func Find(text string, secrets ...string) []string {
	var found []string
	for _, secret := range secrets {
		for _, form := range Forms(secret) {
			if strings.Contains(text, form) {
				found = append(found, form)
			}
		}
	}
	return found
}
