package main

import (
	"bytes"
	"os"
	"strings"

	"golang.org/x/term"
)

// key is what was pressed, as far as it means something.
type key int

const (
	keyNone key = iota
	keyQuit
	keyUp
	keyDown
	keyPageUp
	keyPageDown
	keyHome
	keyEnd
)

// screen is the terminal while a table is on it: what was there before comes back when it is closed.
type screen struct {
	keys    chan key      // what is pressed; nobody presses anything where input is no terminal
	resized chan struct{} // holds one

	before *term.State // of the input; nil: it is none
	shown  string
	stop   func()
}

const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[2J" // another page, no cursor
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	beginFrame  = "\x1b[?2026h\x1b[H" // drawn as a whole by terminals that know how
	endFrame    = "\x1b[J\x1b[?2026l"
	endLine     = "\x1b[K"
)

func openScreen() (*screen, error) {
	s := &screen{keys: make(chan key, 16), resized: make(chan struct{}, 1)}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		before, err := term.MakeRaw(int(os.Stdin.Fd()))
		if err != nil {
			return nil, err
		}
		s.before = before
		go s.listen()
	}
	s.stop = notifyResize(s.resized)
	if _, err := os.Stdout.WriteString(enterScreen); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *screen) close() {
	s.stop()
	_, _ = os.Stdout.WriteString(leaveScreen)
	if s.before != nil {
		_ = term.Restore(int(os.Stdin.Fd()), s.before)
	}
}

// draw shows a frame, in one write, if it is another than the one that stands.
func (s *screen) draw(frame func(width, height int) []string) error {
	width, height, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil || width < 1 || height < 1 {
		width, height = 80, 24
	}
	text := strings.Join(frame(width, height), endLine+"\r\n") + endLine
	if text == s.shown {
		return nil
	}
	s.shown = text
	_, err = os.Stdout.WriteString(beginFrame + text + endFrame)
	return err
}

// listen reads keys until the process ends: a read of a terminal cannot be called off.
func (s *screen) listen() {
	buffer := make([]byte, 64)
	for {
		n, err := os.Stdin.Read(buffer)
		if err != nil {
			return
		}
		for pressed := buffer[:n]; len(pressed) > 0; {
			k, length := readKey(pressed)
			pressed = pressed[length:]
			if k != keyNone {
				select {
				case s.keys <- k:
				default: // somebody leans on the keyboard
				}
			}
		}
	}
}

var keySequences = map[string]key{
	"\x1b[A": keyUp, "\x1b[B": keyDown, "\x1bOA": keyUp, "\x1bOB": keyDown, "\x1b[5~": keyPageUp, "\x1b[6~": keyPageDown,
	"\x1b[H": keyHome, "\x1b[F": keyEnd, "\x1b[1~": keyHome, "\x1b[4~": keyEnd, "\x1bOH": keyHome, "\x1bOF": keyEnd,
	"k": keyUp, "j": keyDown, " ": keyPageDown, "b": keyPageUp, "g": keyHome, "G": keyEnd,
	"q": keyQuit, "Q": keyQuit, "\x03": keyQuit, "\x04": keyQuit,
}

// readKey takes the first key of what was read.
func readKey(pressed []byte) (k key, length int) {
	for sequence, k := range keySequences {
		if bytes.HasPrefix(pressed, []byte(sequence)) {
			return k, len(sequence)
		}
	}
	return keyNone, 1
}
