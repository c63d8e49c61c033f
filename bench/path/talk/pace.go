package main

import (
	"runtime"
	"syscall"
	"time"
)

// prctl(2): how many nanoseconds later than asked for the kernel may wake a thread.
const setTimerSlack = 29

// Says when each question is due, at that time, and closes `due` in the end. Go's own timers know milliseconds only
// where there is nothing else to do.
func pace(due chan<- time.Time, start, end time.Time, rate float64) {
	runtime.LockOSThread()
	syscall.RawSyscall(syscall.SYS_PRCTL, setTimerSlack, 1, 0)
	defer close(due)
	for number := 0; ; number++ {
		at := start.Add(time.Duration(float64(number) / rate * float64(time.Second)))
		if !at.Before(end) {
			return
		}
		if wait := time.Until(at); wait > 0 {
			left := syscall.NsecToTimespec(wait.Nanoseconds())
			syscall.Nanosleep(&left, nil)
		}
		due <- at
	}
}
