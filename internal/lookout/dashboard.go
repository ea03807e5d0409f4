package lookout

import (
	"encoding/json"
	"fmt"
)

// Title of the dashboard.
const Title = "Lockstep"

// UID of the dashboard, by which Grafana replaces an older one.
const UID = "lockstep"

type dashboard struct {
	UID           string     `json:"uid"`
	Title         string     `json:"title"`
	Description   string     `json:"description"`
	Tags          []string   `json:"tags"`
	Timezone      string     `json:"timezone"`
	Editable      bool       `json:"editable"`
	SchemaVersion int        `json:"schemaVersion"`
	Refresh       string     `json:"refresh"`
	Time          timeRange  `json:"time"`
	Templating    templating `json:"templating"`
	Panels        []panel    `json:"panels"`
}

type timeRange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type templating struct {
	List []variable `json:"list"`
}

type variable struct {
	Name       string `json:"name"`
	Label      string `json:"label"`
	Type       string `json:"type"`
	Query      any    `json:"query"`
	Datasource any    `json:"datasource,omitempty"`
	Definition string `json:"definition,omitempty"`
	Refresh    int    `json:"refresh"`
	Multi      bool   `json:"multi"`
	IncludeAll bool   `json:"includeAll"`
	AllValue   string `json:"allValue,omitempty"`
	Sort       int    `json:"sort"`
	Current    any    `json:"current"`
}

type panel struct {
	ID          int          `json:"id"`
	Type        string       `json:"type"`
	Title       string       `json:"title"`
	Description string       `json:"description,omitempty"`
	Grid        grid         `json:"gridPos"`
	Collapsed   *bool        `json:"collapsed,omitempty"` // of a row
	Panels      []panel      `json:"panels,omitempty"`
	Datasource  *source      `json:"datasource,omitempty"`
	Targets     []target     `json:"targets,omitempty"`
	Fields      *fieldConfig `json:"fieldConfig,omitempty"`
	Options     any          `json:"options,omitempty"`
}

type grid struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

type source struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type target struct {
	RefID      string  `json:"refId"`
	Datasource *source `json:"datasource"`
	Expr       string  `json:"expr"`
	Legend     string  `json:"legendFormat"`
	Range      bool    `json:"range"`
	Instant    bool    `json:"instant"`
}

type fieldConfig struct {
	Defaults  fields `json:"defaults"`
	Overrides []any  `json:"overrides"`
}

type fields struct {
	Unit       string     `json:"unit"`
	Min        *float64   `json:"min,omitempty"`
	Color      any        `json:"color"`
	Thresholds thresholds `json:"thresholds"`
	Custom     any        `json:"custom,omitempty"`
}

type thresholds struct {
	Mode  string `json:"mode"`
	Steps []step `json:"steps"`
}

type step struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"` // nil is from the beginning
}

// prometheus is the data source that is chosen in the dashboard.
var prometheus = source{"prometheus", "${datasource}"}

// Dashboard is the dashboard as Grafana 10 and later import it.
func Dashboard() string {
	d := dashboard{
		UID: UID, Title: Title, Description: "Made by lockstep metrics dashboard.", Tags: []string{"lockstep"}, Timezone: "utc", Editable: true,
		SchemaVersion: 38, Refresh: "30s", Time: timeRange{"now-6h", "now"},
		Templating: templating{List: []variable{
			{Name: "datasource", Label: "Data source", Type: "datasource", Query: "prometheus", Refresh: 1, Current: map[string]any{}},
			{
				Name: "network", Label: "Network", Type: "query", Datasource: prometheus, Definition: "label_values(lockstep_network_healthy, network)",
				Query:   map[string]string{"query": "label_values(lockstep_network_healthy, network)", "refId": "network"},
				Refresh: 2, Multi: true, IncludeAll: true, AllValue: ".*", Sort: 1, Current: map[string]any{"text": []string{"All"}, "value": []string{"$__all"}},
			},
		}},
	}
	id, group := 0, ""
	at := grid{}
	for _, i := range List() {
		if i.Group != group {
			group = i.Group
			id++
			at = grid{H: 1, W: 24, X: 0, Y: at.Y + at.H}
			d.Panels = append(d.Panels, panel{ID: id, Type: "row", Title: i.Group, Grid: at, Collapsed: new(bool)})
		}
		id++
		at = next(at, i.Panel)
		d.Panels = append(d.Panels, drawn(i, id, at))
	}
	out, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("encode the dashboard: %v", err)) // it is known, and made by every test
	}
	return string(out) + "\n"
}

// next is where a panel comes: beside the one before, or below it.
func next(before grid, p Panel) grid {
	size := grid{H: 8, W: 8}
	if p == Stat {
		size.W = 6
	}
	size.X, size.Y = before.X+before.W, before.Y
	if size.X+size.W > 24 {
		size.X, size.Y = 0, before.Y+before.H
	}
	return size
}

func drawn(i Item, id int, at grid) panel {
	zero := 0.0
	p := panel{
		ID: id, Type: string(i.Panel), Title: i.Title, Description: i.Help, Grid: at, Datasource: &prometheus,
		Fields: &fieldConfig{
			Defaults: fields{
				Unit: i.Unit, Min: &zero, Color: map[string]string{"mode": "palette-classic"}, Thresholds: thresholds{Mode: "absolute", Steps: []step{{"green", nil}}},
			},
			Overrides: []any{},
		},
	}
	for n, s := range i.Series {
		p.Targets = append(p.Targets, target{
			RefID: string(rune('A' + n)), Datasource: &prometheus, Expr: ofNetworks(s.Expr), Legend: s.Legend, Range: i.Panel == Lines, Instant: i.Panel == Stat,
		})
	}
	of := &p.Fields.Defaults
	// what is drawn is what an alert is about: its threshold is drawn, too
	for _, a := range i.Alerts {
		if a.Expr != "" {
			continue
		}
		of.Thresholds.Steps = []step{{"green", nil}, {"red", &a.Threshold}}
		if a.Op == "<" {
			of.Thresholds.Steps = []step{{"red", nil}, {"green", &a.Threshold}}
		}
	}
	switch i.Panel {
	case Stat:
		of.Color = map[string]string{"mode": "thresholds"}
		p.Options = map[string]any{
			"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
			"colorMode":     "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto", "textMode": "auto",
		}
	case Lines:
		style := "off"
		if len(of.Thresholds.Steps) > 1 {
			style = "line"
		}
		of.Custom = map[string]any{"drawStyle": "line", "lineWidth": 1, "fillOpacity": 0, "showPoints": "never", "thresholdsStyle": map[string]string{"mode": style}}
		p.Options = map[string]any{
			"legend":  map[string]any{"displayMode": "list", "placement": "bottom", "showLegend": true},
			"tooltip": map[string]any{"mode": "multi", "sort": "desc"},
		}
	}
	return p
}
