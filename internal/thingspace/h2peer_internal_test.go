package thingspace

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// h2Peer is an HTTP/2 server that may turn requests away in ways in which net/http's own never does.
type h2Peer struct {
	handler http.Handler
	mu      sync.Mutex
	// turnsAway answers a request in place of the handler, if it is set and reports true.
	turnsAway func(framer *http2.Framer, stream uint32, r *http.Request) bool
	requests  []string
	dialled   int
}

func (p *h2Peer) set(turnsAway func(framer *http2.Framer, stream uint32, r *http.Request) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turnsAway, p.requests = turnsAway, nil
}

// seen is which requests have come, whatever became of them.
func (p *h2Peer) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.requests...)
}

func (p *h2Peer) listen(t *testing.T, certificate tls.Certificate) string {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}
	plain, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	listener := tls.NewListener(plain, config)
	t.Cleanup(func() { listener.Close() }) //nolint:errcheck // of a test
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.dialled++
			p.mu.Unlock()
			context.AfterFunc(t.Context(), func() { connection.Close() }) //nolint:errcheck // of a test
			go p.serve(connection)
		}
	}()
	return listener.Addr().String()
}

func (p *h2Peer) serve(connection net.Conn) {
	defer connection.Close() //nolint:errcheck // of a test
	if _, err := io.ReadFull(connection, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	framer := http2.NewFramer(connection, connection)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if framer.WriteSettings() != nil {
		return
	}
	heads := map[uint32]*http2.MetaHeadersFrame{}
	bodies := map[uint32]*bytes.Buffer{}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		stream, ended := frame.Header().StreamID, false
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				framer.WriteSettingsAck() //nolint:errcheck // of a test
			}
		case *http2.PingFrame:
			if !frame.IsAck() {
				framer.WritePing(true, frame.Data) //nolint:errcheck // of a test
			}
		case *http2.MetaHeadersFrame:
			heads[stream], bodies[stream] = frame, &bytes.Buffer{}
			ended = frame.StreamEnded()
		case *http2.DataFrame:
			bodies[stream].Write(frame.Data())
			ended = frame.StreamEnded()
		}
		if ended {
			p.answer(framer, stream, heads[stream], bodies[stream])
		}
	}
}

func (p *h2Peer) answer(framer *http2.Framer, stream uint32, head *http2.MetaHeadersFrame, body io.Reader) {
	request := httptest.NewRequestWithContext(context.Background(), head.PseudoValue("method"), head.PseudoValue("path"), body)
	for _, field := range head.RegularFields() {
		request.Header.Add(field.Name, field.Value)
	}
	p.mu.Lock()
	p.requests = append(p.requests, request.Method+" "+request.URL.Path)
	turnsAway := p.turnsAway
	p.mu.Unlock()
	if turnsAway != nil && turnsAway(framer, stream, request) {
		return
	}
	recorder := httptest.NewRecorder()
	p.handler.ServeHTTP(recorder, request)
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	encoder.WriteField(hpack.HeaderField{Name: ":status", Value: strconv.Itoa(recorder.Code)})                     //nolint:errcheck // of a test
	framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true}) //nolint:errcheck // of a test
	framer.WriteData(stream, true, recorder.Body.Bytes())                                                          //nolint:errcheck // of a test
}
