package simulator

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Nothing is one of the ways in which List says that nothing is registered.
type Nothing string

// The ways. ThingSpace's pages promise the first; the others are what services of its kind do.
const (
	NothingEmpty         Nothing = "empty"
	NothingChunked       Nothing = "chunked"
	NothingSpace         Nothing = "space"
	NothingNull          Nothing = "null"
	NothingObject        Nothing = "object"
	NothingArray         Nothing = "array"
	NothingArrayOfObject Nothing = "array-of-object"
	NothingNullURL       Nothing = "null-url"
	NothingEmptyURL      Nothing = "empty-url"
	Nothing204           Nothing = "204"
	Nothing404           Nothing = "404"
	Nothing404JSON       Nothing = "404-json"
	Nothing400           Nothing = "400"
	Nothing403           Nothing = "403"
)

var nothings = map[Nothing]reply{
	NothingEmpty:         {status: http.StatusOK},
	NothingChunked:       {status: http.StatusOK, chunked: true},
	NothingSpace:         {status: http.StatusOK, body: " \r\n"},
	NothingNull:          {status: http.StatusOK, body: "null"},
	NothingObject:        {status: http.StatusOK, body: "{}"},
	NothingArray:         {status: http.StatusOK, body: "[]"},
	NothingArrayOfObject: {status: http.StatusOK, body: "[{}]"},
	NothingNullURL:       {status: http.StatusOK, body: `{"url":null}`},
	NothingEmptyURL:      {status: http.StatusOK, body: `{"url":""}`},
	Nothing204:           {status: http.StatusNoContent},
	Nothing404:           {status: http.StatusNotFound},
	Nothing404JSON:       notRegistered(http.StatusNotFound),
	Nothing400:           notRegistered(http.StatusBadRequest),
	Nothing403:           notRegistered(http.StatusForbidden),
}

func notRegistered(status int) reply {
	return refused(status, "CALLBACK_NOT_REGISTERED", "No callback is registered.")
}

// Nothings are all the ways, in alphabetical order.
func Nothings() []Nothing { return slices.Sorted(maps.Keys(nothings)) }

// names lists a table's keys for a message.
func names[K ~string, V any](table map[K]V) string {
	all := make([]string, 0, len(table))
	for name := range table {
		all = append(all, string(name))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
