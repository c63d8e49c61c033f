package local

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// signalSession sends a signal to every live process of a session and returns
// how many there were; signal 0 only counts them.
func signalSession(session int, signal syscall.Signal) int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	found := 0
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || !inSession(pid, session) {
			continue
		}
		found++
		if signal != 0 {
			_ = syscall.Kill(pid, signal)
		}
	}
	return found
}

// inSession reads proc(5)'s stat: "pid (name) state ppid pgrp session …", where
// the name may hold blanks and parentheses. A zombie is not live.
func inSession(pid, session int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	return len(fields) > 3 && fields[0][0] != 'Z' && string(fields[3]) == strconv.Itoa(session)
}
