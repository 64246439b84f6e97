// Package simulator is a ThingSpace to test against and to try the operator with: the two sign-in calls and the four callback calls over real
// HTTP, written from the wire facts and not from the operator's client. Faults come on demand (fault.go), and everything asked is
// on record (record.go). Its administration for people and other processes is in admin.go.
package simulator
