package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"
)

// What is printed: times are in microseconds.
type result struct {
	// Answers within the time.
	Done int `json:"done"`
	// Questions of the whole run, with those that came before the clock was started.
	Asked   int     `json:"asked"`
	Failed  int     `json:"failed"`
	Failure string  `json:"failure"`
	Seconds float64 `json:"seconds"`
	P50     float64 `json:"p50"`
	P99     float64 `json:"p99"`
	// Connections that took up an earlier TLS session.
	Resumed int `json:"resumed"`
}

// Someone who asks one question after the other.
type client interface {
	ask() error
	resumed() int
}

// Clients ask through a load balancer, each again and again as fast as it is answered, or all of them together at a
// rate; then a question's time begins when it was due, and not when a client was free to ask it.
func ask(words []string) error {
	flags := flag.NewFlagSet("ask", flag.ExitOnError)
	to := flags.String("to", "", "address:port")
	kind := flags.String("kind", "requests", "requests, segments, new-tls, resumed-tls or messages")
	count := flags.Int("clients", 32, "clients")
	seconds := flags.Float64("seconds", 3, "seconds")
	rate := flags.Float64("rate", 0, "questions per second; 0: as fast as they are answered")
	flags.Parse(words)

	clients := make([]client, *count)
	for index := range clients {
		one, err := newClient(*kind, *to, index)
		if err != nil {
			return err
		}
		// The first question is another one than those that follow: it brings cookie and TLS session.
		if err := one.ask(); err != nil {
			return err
		}
		clients[index] = one
	}
	said := measure(clients, time.Duration(*seconds*float64(time.Second)), *rate)
	said.Asked += *count
	return json.NewEncoder(os.Stdout).Encode(said)
}

func measure(clients []client, length time.Duration, rate float64) result {
	start := time.Now()
	end := start.Add(length)
	// When the next question is to be asked.
	next := func() (time.Time, bool) {
		now := time.Now()
		return now, now.Before(end)
	}
	if rate > 0 {
		// The one that waits for the time holds a thread, and must not hold up the others.
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 2)
		due := make(chan time.Time, int(rate*length.Seconds())+1)
		go pace(due, start, end, rate)
		next = func() (time.Time, bool) {
			at, isOpen := <-due
			return at, isOpen
		}
	}

	var together sync.Mutex
	var working sync.WaitGroup
	var all result
	var times []time.Duration
	for _, one := range clients {
		working.Go(func() {
			var mine []time.Duration
			failed, failure := 0, ""
			for {
				from, isOn := next()
				if !isOn {
					break
				}
				if err := one.ask(); err != nil {
					failed, failure = failed+1, err.Error()
					continue
				}
				mine = append(mine, time.Since(from))
			}
			together.Lock()
			defer together.Unlock()
			times = append(times, mine...)
			all.Failed += failed
			all.Resumed += one.resumed()
			if failure != "" {
				all.Failure = failure
			}
		})
	}
	working.Wait()
	all.Seconds = time.Since(start).Seconds()
	all.Done = len(times)
	all.Asked = all.Done + all.Failed
	slices.Sort(times)
	all.P50, all.P99 = quantile(times, 0.5), quantile(times, 0.99)
	return all
}

func quantile(sorted []time.Duration, share float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[int(share*float64(len(sorted)-1))].Nanoseconds()) / 1000
}

func newClient(kind, to string, index int) (client, error) {
	switch kind {
	case "requests":
		return &keptAlive{to: to, paths: []string{"/api/v1/tracks?page=2"}}, nil
	case "segments":
		return &keptAlive{to: to, paths: segmentsFrom(index)}, nil
	case "new-tls":
		return &perConnection{to: to, config: tlsConfig(false)}, nil
	case "resumed-tls":
		return &perConnection{to: to, config: tlsConfig(true)}, nil
	case "messages":
		return openSocket(to)
	}
	return nil, fmt.Errorf("there is no kind %q", kind)
}

// Segments of tracks, each client's from another one on.
func segmentsFrom(index int) []string {
	paths := make([]string, 64)
	for number := range paths {
		paths[number] = fmt.Sprintf("/stream/track-%d/%d.ts", index*7+number/4, number%4)
	}
	return paths
}
