// Package notify tells people, and the programs that call them, about alerts: each kind of sink is one file. What is to be told waits in a queue
// (Queue, which the journal keeps) until its sink has taken it; a Sender takes from there. Messages, their words and their order are of
// package notice.
//
// A sink that does not take a message says whether it may be tried again: see Error. No error, and nothing that is logged, holds the URL of
// a sink or what it is known by: whoever has the URL of a chat's webhook can write there.
package notify
