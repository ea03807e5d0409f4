// Package web is the HTTP server of the daemon. It is given routes, and knows nothing of what they do: it answers who may ask, in which form,
// and how often, and what is said when something is wrong.
//
// A request passes these, in this order; the first that refuses it answers:
//
//	Host            421  neither loopback nor a name of this server, so that no page can reach it through a name of its own (DNS rebinding)
//	route           404, 405
//	origin          403  a change that a page of another origin asks for
//	token           401  none, malformed, unknown, expired, revoked; 429 after too many of these; 403 if it lacks the scope
//	content         415, 413, 400
//	handler         what its error says (see NotFound); 500, and a line in the log, for any other error and for a panic
//
// What changes anything needs a token with the scope of its route, everywhere. Reading needs none for whoever is on this machine: the
// server listens on loopback, was called by a name of loopback, and no proxy says that it asks for somebody else. Any other reading needs a
// token with the scope "read". Two answers are open to everybody, since whoever runs the program must be able to ask them: GET /health/live,
// and the status code of GET /health/ready.
//
// Without TLS a token could be read on its way, so an address other than loopback is refused without TLS, unless the configuration says that
// something else encrypts.
//
// Two kinds of route take no token, and are declared as what they are, so that no other becomes one by mistake. A Hook is called by other programs,
// which sign what they send, or send a credential of that hook: after the origin, its Verify comes in the place of the token. A Page is for people
// who have a link with a secret in it; reading it changes nothing.
package web
