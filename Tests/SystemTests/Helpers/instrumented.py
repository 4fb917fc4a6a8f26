#!/usr/bin/env python3
"""A program instrumented with the OpenTelemetry SDK: instrumented.py URL COUNT

Makes COUNT requests of URL, each in a span of its own, whose context it sends as traceparent. Prints one line for each:
TRACE SPAN. Its spans go nowhere: what counts is the header.
"""
import sys
import urllib.request

from opentelemetry import trace
from opentelemetry.propagate import inject
from opentelemetry.sdk.trace import TracerProvider

trace.set_tracer_provider(TracerProvider())
tracer = trace.get_tracer("test")
for _ in range(int(sys.argv[2])):
    with tracer.start_as_current_span("request") as span:
        headers = {}
        inject(headers)
        with urllib.request.urlopen(urllib.request.Request(sys.argv[1], headers=headers)) as answer:
            answer.read()
        context = span.get_span_context()
        print(f"{context.trace_id:032x} {context.span_id:016x}", flush=True)
