// Package audit is the audit log: what was decided, signed and sent, and what came of it, in entries that each hold the hash
// of the one before.
//
//	log.begun ◄─ entry 2 ◄─ entry 3 ◄─ ... ◄─ entry n            a log is named by the hash of its first entry
//	                           ▲                 ▲
//	                         head, signed      head, signed      each kept where this machine cannot write
//
// Whoever changes, takes out, adds or moves an entry breaks the chain. Whoever writes the chain anew from some entry on, or
// cuts its end off, leaves a chain that is sound in itself; only a head that is kept elsewhere tells. The encoding is in
// docs/reference/audit.md, so that a checker can be written in another language.
//
// The package is pure: it reads no file and has no clock.
package audit
