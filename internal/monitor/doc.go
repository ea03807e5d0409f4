// Package monitor shows what was seen to the rules, keeps what becomes of alerts, and sees to it that something follows: people are told, and
// told again while nobody answers, and the automatic pause is asked for.
//
// One process watches at a time, under a lease. Whatever is seen passes through Monitor.Show, in order:
//
//	seen ──► explanations looked for ──► rule.Engine ──► journal: alerts, messages and position in one transaction ──► pause
//
// What was not written is not forgotten: it is written with the next that is shown, or the next tick, and the position stays where it was, so that
// another process shows the same again.
package monitor
