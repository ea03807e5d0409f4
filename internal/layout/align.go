package layout

import "slices"

// edit is one step from an old list to a new one.
type edit struct {
	kind     string // Insert, Delete, appended, or Replace: by the same or by another
	old, new int    // -1 where there is none
}

// align finds the cheapest way from a list of m to a list of n. What comes after as many as the old list has costs
// nothing. Of ways that cost the same, that which replaces late is taken, then that which inserts late.
func align(m, n int, replace func(i, j int) int) []edit {
	type cell struct{ cost, swap int } // to here, and of the replacement that leads here
	table := make([][]cell, m+1)
	for i := range table {
		table[i] = make([]cell, n+1)
		for j := range table[i] {
			c := &table[i][j]
			switch {
			case i == 0 && j == 0:
			case i == 0:
				c.cost = table[0][j-1].cost + insertCost(m, j)
			case j == 0:
				c.cost = table[i-1][0].cost + costEdit
			default:
				c.swap = replace(i-1, j-1)
				c.cost = min(table[i-1][j-1].cost+c.swap, table[i][j-1].cost+insertCost(m, j), table[i-1][j].cost+costEdit)
			}
		}
	}
	var out []edit
	for i, j := m, n; i > 0 || j > 0; {
		c := table[i][j]
		switch {
		case i > 0 && j > 0 && c.cost == table[i-1][j-1].cost+c.swap:
			i, j = i-1, j-1
			out = append(out, edit{Replace, i, j})
		case j > 0 && c.cost == table[i][j-1].cost+insertCost(m, j):
			kind := Insert
			if j > m {
				kind = appended
			}
			j--
			out = append(out, edit{kind, -1, j})
		default:
			i--
			out = append(out, edit{Delete, i, -1})
		}
	}
	slices.Reverse(out)
	return out
}

func insertCost(m, j int) int {
	if j > m {
		return costNothing
	}
	return costEdit
}
