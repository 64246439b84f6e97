package simulator

import (
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// administer serves /simulator/…: what a person does with curl and another process without this package.
func (s *Simulator) administer() {
	s.mux.HandleFunc("GET /simulator/registrations", func(w http.ResponseWriter, _ *http.Request) { show(w, s.Registrations()) })
	s.mux.HandleFunc("PUT /simulator/registrations/{account}", func(w http.ResponseWriter, r *http.Request) {
		var wish struct{ URL string }
		if read(w, r, &wish) {
			s.Register(r.PathValue("account"), wish.URL)
		}
	})
	s.mux.HandleFunc("DELETE /simulator/registrations/{account}", func(_ http.ResponseWriter, r *http.Request) {
		s.Register(r.PathValue("account"), "")
	})
	s.mux.HandleFunc("POST /simulator/faults", func(w http.ResponseWriter, r *http.Request) {
		var fault Fault
		if read(w, r, &fault) {
			s.Inject(fault)
		}
	})
	s.mux.HandleFunc("DELETE /simulator/faults", func(http.ResponseWriter, *http.Request) { s.ClearFaults() })
	s.mux.HandleFunc("GET /simulator/requests", func(w http.ResponseWriter, _ *http.Request) { show(w, s.Requests()) })
	s.mux.HandleFunc("DELETE /simulator/requests", func(http.ResponseWriter, *http.Request) { s.ResetRecord() })
	s.mux.HandleFunc("GET /simulator/counts", func(w http.ResponseWriter, _ *http.Request) { show(w, s.Counts()) })
	s.mux.HandleFunc("GET /simulator/users/{name}", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		show(w, map[string]any{"locked": s.Locked(name), "failedLogins": s.FailedLogins(name)})
	})
	s.mux.HandleFunc("PUT /simulator/users/{name}", func(w http.ResponseWriter, r *http.Request) {
		var wish struct{ Password string }
		if read(w, r, &wish) {
			s.SetUser(r.PathValue("name"), wish.Password)
		}
	})
	s.mux.HandleFunc("PUT /simulator/accounts/{account}", func(w http.ResponseWriter, r *http.Request) {
		var wish struct{ Denied bool }
		if read(w, r, &wish) {
			s.Deny(r.PathValue("account"), wish.Denied)
		}
	})
	s.mux.HandleFunc("DELETE /simulator/sessions", func(http.ResponseWriter, *http.Request) { s.EndSessions() })
	s.mux.HandleFunc("DELETE /simulator/tokens", func(http.ResponseWriter, *http.Request) { s.EndTokens() })
	s.mux.HandleFunc("PUT /simulator/latency", func(w http.ResponseWriter, r *http.Request) {
		var wish struct{ Latency string }
		if !read(w, r, &wish) {
			return
		}
		latency, err := time.ParseDuration(wish.Latency)
		if err != nil {
			http.Error(w, "latency must be a duration, for example 20ms", http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.options.Latency = latency
	})
	s.mux.HandleFunc("POST /simulator/reset", func(http.ResponseWriter, *http.Request) { s.Reset() })
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(io.LimitReader(r.Body, maxRequestBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

func show(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(value) //nolint:errchkjson // whoever asked may have hung up
}
