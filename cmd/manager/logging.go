package main

import (
	"io"

	"github.com/go-logr/logr"
	"go.uber.org/zap/zapcore"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// From this verbosity on client-go writes the bodies of requests and answers, Secrets included, into the log.
const verbosityThatShowsBodies = 8

// newLogger returns a logger in JSON that never goes as far as showing bodies, whatever --zap-log-level says.
func newLogger(options zap.Options, out io.Writer) logr.Logger {
	options.DestWriter = out
	if options.Level != nil {
		options.Level = cappedLevel{options.Level}
	}
	return zap.New(zap.UseFlagOptions(&options))
}

type cappedLevel struct{ zapcore.LevelEnabler }

// Enabled implements zapcore.LevelEnabler. Zap counts verbosity downwards from 0.
func (l cappedLevel) Enabled(level zapcore.Level) bool {
	return level > -verbosityThatShowsBodies && l.LevelEnabler.Enabled(level)
}
