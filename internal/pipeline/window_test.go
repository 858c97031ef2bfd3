package pipeline

import (
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
)

func TestOpening(t *testing.T) {
	day := func(text string) time.Time {
		at, err := time.Parse("2006-01-02 15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	hours := func(cron string, d time.Duration, zone string) fairlead.Window {
		return fairlead.Window{Cron: cron, Duration: fairlead.Duration(d), Timezone: zone}
	}
	office := openTimesOf("pipeline shop", []fairlead.Window{hours("0 9 * * 1-5", 8*time.Hour, "Asia/Shanghai")})
	night := openTimesOf("target prod", []fairlead.Window{hours("0 22 * * *", 4*time.Hour, ""), hours("30 6 * * *", time.Hour, "")})
	freeze := frozen{fairlead.Freeze{Scope: fairlead.FreezeTarget, Name: "prod", From: day("2026-11-27 00:00"), Until: day("2026-11-30 02:30"), Reason: "fair"}}
	for _, tt := range []struct {
		name     string
		barriers []barrier
		now      string
		at, why  string // why "": open
	}{
		{"nothing is in the way", nil, "2026-11-26 10:00", "", ""},
		{"inside", []barrier{office}, "2026-11-26 01:00", "", ""}, // 09:00 in Shanghai
		{"the last minute", []barrier{office}, "2026-11-26 08:59", "", ""},
		{"the end is outside", []barrier{office}, "2026-11-26 09:00", "2026-11-27 01:00", "the window of pipeline shop, which opens 2026-11-27 09:00 Asia/Shanghai"},
		{"over the weekend", []barrier{office}, "2026-11-28 12:00", "2026-11-30 01:00", "which opens 2026-11-30 09:00 Asia/Shanghai"},
		{"across midnight", []barrier{night}, "2026-11-26 01:59", "", ""},
		{"the next of two", []barrier{night}, "2026-11-26 02:00", "2026-11-26 06:30", "which opens 2026-11-26 06:30 UTC"},
		{"two that overlap", []barrier{office, night}, "2026-11-26 06:29", "2026-11-26 06:30", "the window of target prod"},
		{"two that overlap later", []barrier{office, night}, "2026-11-26 08:00", "2026-11-27 01:00", "the window of target prod, which opens 2026-11-26 22:00 UTC"},
		{"before a freeze", []barrier{freeze}, "2026-11-26 23:59", "", ""},
		{"in a freeze", []barrier{freeze}, "2026-11-27 00:00", "2026-11-30 02:30", "the end of the freeze of target prod, 2026-11-30 02:30:00 UTC: fair"},
		{"after a freeze the window", []barrier{freeze, night}, "2026-11-27 00:00", "2026-11-30 06:30", "the end of the freeze"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := day(tt.now)
			at, why, found := opening(tt.barriers, now)
			want := now
			if tt.at != "" {
				want = day(tt.at)
			}
			if !found || !at.Equal(want) || !strings.Contains(why, tt.why) || (tt.why == "") != (why == "") {
				t.Errorf("got %s, %q, %t; want %s, %q", at, why, found, want, tt.why)
			}
		})
	}
	never := []barrier{openTimesOf("a", []fairlead.Window{hours("0 1 * * *", time.Hour, "")}), openTimesOf("b", []fairlead.Window{hours("0 3 * * *", time.Hour, "")})}
	if at, why, found := opening(never, day("2026-11-26 10:00")); found || why == "" || at.Sub(day("2026-11-26 10:00")) != horizon {
		t.Errorf("windows that are never open together: %s, %q, %t", at, why, found)
	}
	odd := []barrier{openTimesOf("a", []fairlead.Window{hours("*/2 * * * *", time.Minute, "Asia/Shanghai")}), openTimesOf("b", []fairlead.Window{hours("1-59/2 * * * *", time.Minute, "")})}
	if at, why, found := opening(odd, day("2026-11-26 10:00")); found || why == "" || at.Sub(day("2026-11-26 10:00")) != (maxOpenings+1)*time.Minute {
		t.Errorf("windows of every other minute: %s, %q, %t", at, why, found)
	}
}
