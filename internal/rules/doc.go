// Package rules holds the rules of behaviour as pure functions: who owns an account (Stand), when an object is worked
// on (Due), what to do next (Decide), how things stand (Summarise) and what to tell (Announce). Nothing here reads, writes, waits
// or looks at a clock: package controller gathers the facts and applies the steps.
package rules
