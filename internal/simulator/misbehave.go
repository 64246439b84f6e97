package simulator

import (
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"k8s.io/utils/clock"
)

// reply is what a fault makes of the right answer. Status 0 stands for none.
func (f *Fault) reply(right reply) reply {
	var answer reply
	switch f.Answer {
	case "":
	case AnswerRight:
		answer = right
	default:
		answer = f.Answer.reply()
	}
	if f.Status != 0 {
		answer.status = f.Status
	}
	if f.Body != "" {
		answer.body = f.Body
	}
	if f.Endless && answer.body == "" {
		answer.body = strings.Repeat(" ", 1<<10)
	}
	answer.header = maps.Clone(answer.header)
	if answer.header == nil {
		answer.header = map[string]string{}
	}
	maps.Copy(answer.header, f.Header)
	if f.CutOff {
		answer.header["Content-Length"] = strconv.Itoa(len(answer.body) + 4096)
	}
	if f.Hang {
		answer.status = 0
	}
	return answer
}

// send misbehaves with an answer.
func (f *Fault) send(w http.ResponseWriter, r *http.Request, clk clock.Clock, answer reply) {
	pause(r.Context(), clk, f.Delay)
	if f.Hang {
		<-r.Context().Done()
	}
	if answer.status == 0 {
		panic(http.ErrAbortHandler) // net/http's way to close the connection
	}
	answer.writeHeader(w)
	for first := true; first || f.Endless; first = false {
		if f.writeBody(w, r, clk, answer.body) != nil || r.Context().Err() != nil {
			return
		}
	}
	if f.CutOff {
		_ = http.NewResponseController(w).Flush() // what has been written arrives
		panic(http.ErrAbortHandler)
	}
}

func (f *Fault) writeBody(w http.ResponseWriter, r *http.Request, clk clock.Clock, body string) error {
	if f.Drip == 0 {
		_, err := io.WriteString(w, body)
		return err
	}
	for i := range len(body) {
		if _, err := io.WriteString(w, body[i:i+1]); err != nil {
			return err
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return err
		}
		pause(r.Context(), clk, f.Drip)
	}
	return r.Context().Err()
}
