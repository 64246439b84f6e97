package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// checkProxies refuses variables that name a proxy and can't be read: Go's HTTP client takes no notice of them, and would go without a proxy.
// A proxy's URL may hold a password, so no text shows a value. Variables are looked at in every letter case.
func checkProxies(environment []string) error {
	environment = slices.Sorted(slices.Values(environment)) // of several that are wrong, the message names the same one each time
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		var err error
		switch strings.ToUpper(name) {
		case "HTTP_PROXY", "HTTPS_PROXY":
			err = checkProxy(value)
		case "NO_PROXY":
			err = checkNoProxy(value)
		}
		if err != nil {
			return fmt.Errorf("environment variable %s: %w. Its value is not shown, because it may hold a password", name, err)
		}
	}
	return nil
}

func checkProxy(value string) error {
	if value == "" {
		return nil
	}
	proxy, err := url.Parse(value)
	if !strings.Contains(value, "://") {
		proxy, err = url.Parse("http://" + value) // as Go's HTTP client reads it
	}
	switch {
	case err != nil || proxy.Hostname() == "" || strings.ContainsAny(value, " \t"):
		return errors.New("it must be a URL or HOST:PORT, for example http://proxy.example.com:3128; special characters of a password are written as %XX")
	case !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, proxy.Scheme):
		return errors.New("its scheme must be http, https, socks5 or socks5h")
	case strings.Trim(proxy.Path, "/") != "" || strings.ContainsAny(value, "?#"):
		return errors.New("it must end after host and port, for example http://proxy.example.com:3128")
	}
	return checkPort(proxy.Port())
}

func checkNoProxy(value string) error {
	for i, entry := range strings.Split(value, ",") {
		if err := checkExemption(strings.TrimSpace(entry)); err != nil {
			return fmt.Errorf("entry %d of the comma-separated list: %w", i+1, err)
		}
	}
	return nil
}

// checkExemption checks one entry of NO_PROXY. Go's HTTP client never matches one that it can't read.
func checkExemption(entry string) error {
	if entry == "" || entry == "*" {
		return nil
	}
	if strings.Contains(entry, "/") {
		if _, _, err := net.ParseCIDR(entry); err != nil {
			return errors.New("with a slash it must be an address range such as 10.0.0.0/8, and no URL")
		}
		return nil
	}
	host, port := entry, ""
	if h, p, err := net.SplitHostPort(entry); err == nil {
		host, port = h, p
		if port == "" {
			return errors.New("it has a colon and no port after it")
		}
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	if net.ParseIP(host) == nil && (host == "" || strings.Trim(host, ".") == "" || strings.ContainsAny(strings.TrimPrefix(host, "*."), "*:;[]@?#\\|\"' \t")) {
		return errors.New("it must be a host name, a domain (.example.com), an address or a range (10.0.0.0/8); several are separated by commas")
	}
	return checkPort(port)
}

func checkPort(port string) error {
	if port == "" {
		return nil
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return errors.New("its port must be between 1 and 65535")
	}
	return nil
}
