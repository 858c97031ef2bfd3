package main

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/fairlead/fairlead/internal/store"
)

// telemetry are the metrics of one server, in a registry of their own.
type telemetry struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newTelemetry(db *store.DB, log *slog.Logger) *telemetry {
	t := &telemetry{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fairlead_http_requests_total", Help: "Requests by route and status.",
		}, []string{"route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "fairlead_http_request_duration_seconds", Help: "Time until a request was answered, or its stream began.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 30},
		}, []string{"route"}),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "fairlead_build_info", Help: "The version that runs; always 1."}, []string{"version"})
	build.WithLabelValues(buildVersion()).Set(1)
	t.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		t.requests, t.duration, build, newStateCollector(db, log))
	return t
}

func (t *telemetry) observe(route string, status int, took time.Duration) {
	t.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	t.duration.WithLabelValues(route).Observe(took.Seconds())
}

func (t *telemetry) handler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{Registry: t.registry})
}

// stateCollector counts runs, actions and jobs when it is asked, so that the numbers are right after a restart, too.
type stateCollector struct {
	db                  *store.DB
	log                 *slog.Logger
	runs, actions, jobs *prometheus.Desc
}

func newStateCollector(db *store.DB, log *slog.Logger) *stateCollector {
	state := []string{"state"}
	return &stateCollector{
		db: db, log: log,
		runs:    prometheus.NewDesc("fairlead_runs", "Recorded pipeline runs by state.", state, nil),
		actions: prometheus.NewDesc("fairlead_stack_actions", "Recorded stack actions by state.", state, nil),
		jobs:    prometheus.NewDesc("fairlead_jobs", "Jobs in the queue by state.", state, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *stateCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.runs
	ch <- c.actions
	ch <- c.jobs
}

// Collect implements prometheus.Collector.
func (c *stateCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var counts store.StateCounts
	if err := c.db.Read(ctx, func(tx *store.Tx) (err error) { counts, err = tx.CountStates(ctx); return err }); err != nil {
		c.log.Warn("metrics could not be counted", "error", err)
		return
	}
	for desc, byState := range map[*prometheus.Desc]map[string]int{c.runs: counts.Runs, c.actions: counts.Actions, c.jobs: counts.Jobs} {
		for state, n := range byState {
			ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(n), state)
		}
	}
}
