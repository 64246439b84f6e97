//go:build e2e

package e2e_test

import (
	"encoding/json"
	"strings"

	. "github.com/onsi/gomega"
)

// thingspaceURL is where the pods find the simulator.
var thingspaceURL string

const simulator = "/api/v1/namespaces/thingspace/pods/simulator:8480/proxy/simulator/"

// registrations are what the simulator holds, by account.
func registrations(g Gomega) map[string]string {
	var all map[string]string
	g.Expect(json.Unmarshal([]byte(kubectl("get", "--raw", simulator+"registrations")), &all)).To(Succeed())
	return all
}

// somebodyElse registers a URL by hand.
func somebodyElse(account, url string) {
	run(`{"url":"`+url+`"}`, "kubectl", "replace", "--raw", simulator+"registrations/"+account, "-f", "-")
}

// calls counts what the operator asked for, by operation, for the accounts that begin so; where nothing is said of accounts, for all.
func calls(accounts string) map[string]int {
	var requests []struct {
		Operation string `json:"operation"`
		Account   string `json:"account"`
	}
	Expect(json.Unmarshal([]byte(kubectl("get", "--raw", simulator+"requests")), &requests)).To(Succeed())
	counted := map[string]int{}
	for _, request := range requests {
		if strings.HasPrefix(request.Account, accounts) {
			counted[request.Operation]++
		}
	}
	return counted
}

// changes are the calls that change something.
func changes(accounts string) int {
	counted := calls(accounts)
	return counted["register"] + counted["update"] + counted["deregister"]
}
