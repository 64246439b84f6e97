package simulator

import (
	"fmt"
	"net/url"
	"strings"
)

// The ways of normalising a URL. Each leaves a URL that it can't read as it is.
var normalizations = map[string]func(*url.URL){
	"host-case":    func(u *url.URL) { u.Host = strings.ToLower(u.Host) },
	"default-port": func(u *url.URL) { u.Host = strings.TrimSuffix(u.Host, ":443") },
	"trailing-slash": func(u *url.URL) {
		if !strings.HasSuffix(u.Path, "/") {
			u.Path += "/"
			if u.RawPath != "" {
				u.RawPath += "/"
			}
		}
	},
}

// Normalizer is for Options.Normalize. The ways are host-case (lower case), default-port (dropped) and trailing-slash (added);
// without one it is nil.
func Normalizer(ways ...string) (func(string) string, error) {
	for _, way := range ways {
		if normalizations[way] == nil {
			return nil, fmt.Errorf("URLs can't be normalised by %q; there are %s", way, names(normalizations))
		}
	}
	if len(ways) == 0 {
		return nil, nil
	}
	return func(raw string) string {
		u, err := url.Parse(raw)
		if err != nil {
			return raw
		}
		for _, way := range ways {
			normalizations[way](u)
		}
		return u.String()
	}, nil
}
