//go:build !race

package controller_test

const detected = 1
