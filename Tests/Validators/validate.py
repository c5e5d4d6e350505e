#!/usr/bin/env python3
"""Reads what Caudal exports with the programs that it is for, and prints what they found in it as JSON.

    validate.py otlp|openlineage|openmetrics|prometheus FILE

otlp uses opentelemetry-proto, openlineage the classes that openlineage-python has generated from the schemas, the other two
the parsers of prometheus_client. It ends with status 1 and a message for a file that they do not accept.
`scripts/setup.sh tests` installs them into `.tools/validators`.
"""
import base64
import enum
import functools
import importlib
import json
import pathlib
import pkgutil
import re
import sys
import types
import typing

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / ".tools/validators"))


class Invalid(Exception):
    pass


def ensure(condition, message):
    if not condition:
        raise Invalid(message)


# --- OTLP/JSON ---------------------------------------------------------------------------------------------------------
def spans(text):
    """Each line is a request, as the file receiver of OpenTelemetry's collector reads it."""
    from google.protobuf import json_format
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    found = []
    for line in text.rstrip("\n").split("\n"):
        document = json.loads(line)
        for resource in document["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    prepare(span)
        request = json_format.ParseDict(document, ExportTraceServiceRequest())
        for resource in request.resource_spans:
            facts = attributes(resource.resource.attributes)
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                ensure(len(span.trace_id) == 16 and len(span.span_id) == 8, f"ids of {span.name} have wrong lengths")
                ensure(len(span.parent_span_id) in (0, 8), f"the parent of {span.name} is no id")
                ensure(span.end_time_unix_nano >= span.start_time_unix_nano > 10**18, f"times of {span.name}")
                found.append({
                    "name": span.name, "trace": span.trace_id.hex(), "span": span.span_id.hex(),
                    "parent": span.parent_span_id.hex(), "kind": span.kind, "status": span.status.code,
                    "message": span.status.message, "start": span.start_time_unix_nano, "end": span.end_time_unix_nano,
                    "attributes": attributes(span.attributes), "resource": facts,
                    "events": [{"name": one.name, "attributes": attributes(one.attributes)} for one in span.events],
                })
    return found


def prepare(span):
    """Holds a span to what OTLP asks of JSON beyond protobuf's own rules, and turns its ids into what protobuf reads."""
    for key, length in (("traceId", 32), ("spanId", 16), ("parentSpanId", 16)):
        if key in span:
            ensure(re.fullmatch(f"[0-9a-f]{{{length}}}", span[key]), f"{key} is not hexadecimal: {span[key]}")
            span[key] = base64.b64encode(bytes.fromhex(span[key])).decode()
    ensure(isinstance(span["kind"], int) and isinstance(span["status"]["code"], int), "enumerations must be integers")
    for key in ("startTimeUnixNano", "endTimeUnixNano"):
        ensure(isinstance(span[key], str), f"{key} must be a text")
    for one in span["attributes"]:
        ensure(isinstance(one["value"].get("intValue", ""), str), f"{one['key']} must be a text")


def attributes(pairs):
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


# --- OpenLineage -------------------------------------------------------------------------------------------------------
def events(text):
    from openlineage.client.generated import base

    found = []
    for line in text.rstrip("\n").split("\n"):
        event = json.loads(line)
        build(base.RunEvent, event, "event")
        found.append(event)
    return found


@functools.cache
def generated():
    """Every class that was generated from a schema, by the address of the schema."""
    import openlineage.client.generated as package

    classes = {}
    for module in pkgutil.iter_modules(package.__path__):
        for one in vars(importlib.import_module(f"{package.__name__}.{module.name}")).values():
            if isinstance(one, type) and hasattr(one, "_get_schema"):
                classes[one._get_schema()] = one
    return classes


def build(kind, value, place):
    """Makes an object of a generated class, whose validators look at the values; nothing may be missing or too much."""
    import attr

    ensure(isinstance(value, dict), f"{place} is not an object")
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in attr.fields(kind)}
    ensure(set(value) <= set(fields), f"{place} has {set(value) - set(fields)}, which {kind.__name__} does not know")
    arguments = {}
    for name, field in fields.items():
        if name not in value:
            ensure(field.default is not attr.NOTHING, f"{place} lacks {name}")
            continue
        checked = check(hints[name], value[name], f"{place}.{name}")
        if field.init:
            arguments[field.alias] = checked
        else:
            ensure(value[name] == kind._get_schema(), f"{place}.{name} is not {kind._get_schema()}")
    for required in ("producer", "schemaURL", "_producer", "_schemaURL"):
        ensure(required not in fields or value.get(required), f"{place} lacks {required}")
    return kind(**arguments)


def check(hint, value, place):
    import attr

    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if hint is typing.Any:
        return value
    if origin in (typing.Union, types.UnionType):
        kinds = [part for part in parts if part is not type(None)]
        return None if value is None and len(kinds) < len(parts) else check(kinds[0], value, place)
    if origin is list:
        ensure(isinstance(value, list), f"{place} is not a list")
        return [check(parts[0], one, f"{place}[{index}]") for index, one in enumerate(value)]
    if origin is dict:
        ensure(isinstance(value, dict), f"{place} is not an object")
        return {key: facet(parts[1], one, f"{place}.{key}") for key, one in value.items()}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint(value)
    if attr.has(hint):
        return build(hint, value, place)
    ensure(type(value) is hint or hint is float and isinstance(value, (int, float)), f"{place} is not {hint.__name__}")
    return value


def facet(expected, value, place):
    """A facet is of the class whose schema it names, which must be of the kind that may stand there."""
    if expected is typing.Any:
        return value
    kind = generated().get(value.get("_schemaURL"))
    ensure(kind is not None, f"{place}: no schema {value.get('_schemaURL')}")
    ensure(issubclass(kind, expected), f"{place}: a {kind.__name__} is no {expected.__name__}")
    return build(kind, value, place)


# --- Figures -----------------------------------------------------------------------------------------------------------
def samples(families):
    return [
        {"family": family.name, "type": family.type, "unit": family.unit, "name": sample.name, "labels": sample.labels,
         "value": sample.value}
        for family in families for sample in family.samples
    ]


def openmetrics(text):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    return samples(text_string_to_metric_families(text))


def prometheus(text):
    from prometheus_client.parser import text_string_to_metric_families

    # What the collector of node_exporter does not read.
    ensure("# EOF" not in text and "# UNIT" not in text, "the text is that of OpenMetrics")
    return samples(text_string_to_metric_families(text))


def main():
    readers = {"otlp": spans, "openlineage": events, "openmetrics": openmetrics, "prometheus": prometheus}
    text = pathlib.Path(sys.argv[2]).read_text()
    try:
        print(json.dumps(readers[sys.argv[1]](text)))
    except ImportError as error:
        sys.exit(f"{error}: run scripts/setup.sh tests")
    except Exception as error:  # whatever the programs say
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
