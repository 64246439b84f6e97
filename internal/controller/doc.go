// Package controller is the near side: it gathers facts from Kubernetes and ThingSpace, lets package rules decide, and
// applies what was decided. One pass reads: gather, Decide, apply, until there is nothing left to do; then Summarise, and one status
// write where something changed.
package controller
