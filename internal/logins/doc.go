// Package logins counts the logins of ThingSpace users in one ConfigMap, so that no user is ever locked out: not over restarts, leaders, operators, Secrets or
// namespaces. Record is what is known of one user, as a pure value; Store compares and swaps the ConfigMap.
package logins
