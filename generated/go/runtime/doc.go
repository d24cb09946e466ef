// Package runtime is the hand-written part of the SDK: how a call is sent, retried, timed out,
// renewed and turned into a value or an error.
//
// It knows no operation and no model. The generated package above it holds those facts and
// gives the public names of this package their own aliases, so that users import one package.
package runtime
