package template

import (
	"slices"
	"strings"
	"testing"
)

// The data of the catalogue is whole: everything in it can be read, says what it is in both languages and names only types
// that are there.
func TestCatalogueData(t *testing.T) {
	c := loadCatalogue(nil)
	if len(c.names) < 120 {
		t.Errorf("only %d types", len(c.names))
	}
	for _, name := range c.names {
		typ, ok := c.find(name)
		if !ok {
			t.Errorf("%s: not found", name)
			continue
		}
		if typ.en == "" || typ.zh == "" || typ.service == "" {
			t.Errorf("%s: no description: %+v", name, typ)
		}
		for _, p := range typ.properties {
			if p.en == "" || p.zh == "" {
				t.Errorf("%s: property %s has no description", name, p.name)
			}
			if v, ok := p.convert(p.rules.def); p.rules.hasDefault && (!ok || len(p.rules.violations(v)) > 0) {
				t.Errorf("%s: property %s has a default that it does not allow: %v", name, p.name, p.rules.def)
			}
		}
		for to := range typ.related {
			if _, ok := c.find(to); !ok {
				t.Errorf("%s: a relation names %s, which is no type", name, to)
			}
		}
		for _, group := range typ.instead {
			for _, p := range group {
				if typ.property(p) == nil {
					t.Errorf("%s: an alternative names %s, which is no property", name, p)
				}
			}
		}
		if typ.policy && typ.provider == "" {
			t.Errorf("%s: a policy without what would carry it out", name)
		}
	}
	if len(c.bad) > 0 {
		t.Errorf("%s", strings.Join(c.bad, "\n"))
	}
	for _, name := range []string{"CCE", "CCE.", ".Deployment", "cce/_object", "cce/service", "_object", "service", "SMN.", "SMN.a.b", "", "WAF.*x.y"} {
		if typ, ok := c.find(name); ok {
			t.Errorf("%q is found: %+v", name, typ)
		}
	}
	if typ, ok := c.find("APM.PinPoint"); !ok || typ.name != "APM.Pinpoint" {
		t.Errorf("alias: %+v, %v", typ, ok)
	}
	if typ, ok := c.find("SMN.Topic"); !ok || typ.name != "SMN.Topic" {
		t.Errorf("a name that is not listed: %+v, %v", typ, ok)
	}
}

// What the original's updates permit, from its user guide.
func TestCatalogueUpdates(t *testing.T) {
	fixedTopology := []string{"CCE.Pod", "CCE.Cluster", "CCE.Storage.EVS", "AOS.Stack", "AOS.Batch", "VPC.VPC", "CCI.Deployment"}
	fixedProperties := []string{"AOS.Job", "AOS.Service", "APM.AutoScaler", "ServiceStage.Job", "ServiceStage.Service", "nodes.Agent", "nodes.AutoScaler", "nodes.DynamicNodePool",
		"nodes.DynamicVolume", "nodes.FlexVolume", "nodes.Job", "nodes.NodePool", "nodes.Service", "nodes.StatefulApplication"}
	newClusters := []string{"AOS.Agent", "AOS.StatefulApplication", "ServiceStage.Agent", "ServiceStage.StatefulApplication"}
	topology := 0
	for _, typ := range Catalogue() {
		if typ.Update.Topology {
			topology++
		}
		if slices.Contains(fixedTopology, typ.Name) && typ.Update.Topology {
			t.Errorf("%s: can be added", typ.Name)
		}
		if slices.Contains(fixedProperties, typ.Name) == typ.Update.Properties {
			t.Errorf("%s: properties can change: %v", typ.Name, typ.Update.Properties)
		}
		if slices.Contains(newClusters, typ.Name) != typ.Update.NewClusters {
			t.Errorf("%s: only on new clusters: %v", typ.Name, typ.Update.NewClusters)
		}
	}
	if topology != 11+13+1+9+10+1 { // AOS, CCE, ECS, ServiceStage, nodes, and our own
		t.Errorf("%d types can be added and removed", topology)
	}
}

func TestServices(t *testing.T) {
	for _, s := range Services() {
		if s.English == "" || s.Chinese == "" {
			t.Errorf("%s has no description", s.Name)
		}
	}
	if typ, ok := Describe("HuaweiCloud.CCE.Secret"); !ok || typ.Name != "CCE.Secret" || len(typ.Properties) != 6 || len(typ.Alternatives) != 1 {
		t.Errorf("CCE.Secret is %+v", typ)
	}
}
