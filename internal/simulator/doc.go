// Package simulator is a ThingSpace to test against and to try the operator with: the two sign-in calls and the four callback calls over
// real HTTP, written from the wire facts and not from the operator's client.
//
// It is well-behaved unless it is told otherwise. Options say how it behaves where the facts leave room, a Fault makes single answers
// wrong, and every request is on record. Go tests use the methods of Simulator; people with curl and other processes use /simulator/….
package simulator
