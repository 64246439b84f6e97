//go:build !race

package controller_test

const underRace = 1
