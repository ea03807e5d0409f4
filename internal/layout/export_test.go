package layout

import "math/big"

// What the tests compare with the compiler's storageLayout.

func (t *Type) Members() []Field { return t.fields }

func (t *Type) Parts() (key, elem *Type) { return t.key, t.elem }

func Namespaced(id string) *big.Int { return erc7201(id) }
