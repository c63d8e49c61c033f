// Talk is both ends of the comparison of load balancers: the servers behind them, and the clients before them. Both have
// to take less of a processor than what is between them, so each speaks just as much HTTP as it takes.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
)

func main() {
	// Collecting garbage more seldom costs memory that nobody else wants here.
	debug.SetGCPercent(1000)
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "talk:", err)
		os.Exit(1)
	}
}

func run(words []string) error {
	if len(words) > 1 {
		switch words[0] {
		case "serve":
			return serve(words[1:])
		case "ask":
			return ask(words[1:])
		}
	}
	return fmt.Errorf("talk serve PORT... | talk ask -to ADDRESS:PORT [options]")
}
