/* Tools: what a model is told of them, and how they are called. */
#include <string.h>

#include "internal.h"

/* Stands where there is nothing: providers refuse a text that is blank. */
static const char PLACEHOLDER[] = "(nothing)";

static const char *type_name(kellion_json_type type) {
    switch (type) {
    case KELLION_BOOLEAN:
        return "boolean";
    case KELLION_NUMBER:
        return "number";
    case KELLION_INTEGER:
        return "integer";
    case KELLION_STRING:
        return "string";
    case KELLION_ARRAY:
        return "array";
    case KELLION_OBJECT:
        return "object";
    case KELLION_NULL:
        return NULL;
    }
    return NULL;
}

static const kellion_json *field_schema(const kellion_field *field) {
    if (field->schema) {
        const char *problem;
        const kellion_json *schema = kellion_json_read(field->schema, strlen(field->schema), &problem);
        if (!schema) {
            kellion_log(KELLION_ERROR, "the schema of the field `%s` is not JSON: %s", field->name, problem);
        }
        return schema ? schema : kellion_json_new_object();
    }
    kellion_json *schema = kellion_json_new_object();
    if (type_name(field->type)) {
        kellion_json_set(schema, "type", kellion_json_new_string(type_name(field->type)));
    }
    if (field->description) {
        kellion_json_set(schema, "description", kellion_json_new_string(field->description));
    }
    return schema;
}

const char *tool_schema(const kellion_tool *tool) {
    if (tool->schema) {
        return tool->schema;
    }
    kellion_json *properties = kellion_json_new_object();
    kellion_json *required = kellion_json_new_array();
    for (const kellion_field *field = tool->fields; field && field->name; field++) {
        kellion_json_set(properties, field->name, field_schema(field));
        if (!field->optional) {
            kellion_json_add(required, kellion_json_new_string(field->name));
        }
    }
    kellion_json *schema = kellion_json_new_object();
    kellion_json_set(schema, "type", kellion_json_new_string("object"));
    /* Some providers want them even when there are none. */
    kellion_json_set(schema, "properties", properties);
    if (kellion_json_count(required)) {
        kellion_json_set(schema, "required", required);
    }
    return kellion_json_write(schema, NULL);
}

static bool fits(const kellion_json *value, kellion_json_type type) {
    int64_t integer;
    double number;
    switch (type) {
    case KELLION_NULL:
        return true;
    case KELLION_INTEGER:
        return kellion_json_integer(value, &integer);
    case KELLION_NUMBER:
        return kellion_json_double(value, &number);
    default:
        return kellion_json_kind(value) == type;
    }
}

/* What is wrong with an input; NULL: nothing. */
static const char *misfit(const kellion_tool *tool, const kellion_json *input) {
    if (kellion_json_kind(input) != KELLION_OBJECT) {
        return "an object is expected";
    }
    for (const kellion_field *field = tool->fields; field && field->name; field++) {
        const kellion_json *value = kellion_json_get(input, field->name);
        if (kellion_json_kind(value) == KELLION_NULL && field->optional) {
            continue;
        }
        if (!value) {
            return kellion_format("missing field `%s`", field->name);
        }
        if (!fits(value, field->type)) {
            return kellion_format("`%s`: expected a value of type %s", field->name, type_name(field->type));
        }
    }
    return NULL;
}

static kellion_result run(const kellion_tool *tool, const char *text) {
    /* A streamed call of a tool without input has no piece of input at all. */
    const char *input_text = !text || is_blank(text) ? "{}" : text;
    const char *problem;
    const kellion_json *input = kellion_json_read(input_text, strlen(input_text), &problem);
    if (!input) {
        return kellion_fail("input is not JSON: %s", problem);
    }
    const char *wrong = misfit(tool, input);
    if (wrong) {
        return kellion_fail("input does not fit: %s", wrong);
    }
    if (!tool->run) {
        return kellion_fail("the tool `%s` has no function", tool->name);
    }
    return tool->run(input, tool->user);
}

static kellion_result unknown(const kellion_tool *tools, size_t count, const char *name) {
    const char *names = "";
    for (size_t at = 0; at < count; at++) {
        names = kellion_format("%s%s%s", names, at ? ", " : "", tools[at].name);
    }
    return kellion_fail("there is no tool `%s`; the tools are: %s", name, names);
}

/* Providers take JSON that is an object; anything else goes as text. */
static kellion_content output_of(kellion_result result) {
    if (!result.json) {
        const char *text = arena_copy_bytes(&turn_arena, result.bytes, result.length);
        return (kellion_content){.kind = KELLION_TEXT, .text = text};
    }
    switch (kellion_json_kind(result.json)) {
    case KELLION_STRING:
        return (kellion_content){.kind = KELLION_TEXT, .text = kellion_json_string(result.json)};
    case KELLION_OBJECT:
        return (kellion_content){.kind = KELLION_JSON, .text = kellion_json_write(result.json, NULL)};
    default:
        return (kellion_content){.kind = KELLION_TEXT, .text = kellion_json_write(result.json, NULL)};
    }
}

kellion_content tool_answer(const kellion_tool *tools, size_t count, const kellion_content *call) {
    const kellion_tool *found = NULL;
    for (size_t at = 0; at < count && !found; at++) {
        found = strcmp(tools[at].name, call->name) == 0 ? &tools[at] : NULL;
    }
    kellion_result result = found ? run(found, call->text) : unknown(tools, count, call->name);
    kellion_content *output = kellion_alloc(sizeof *output);
    *output = output_of(result);
    if (is_blank(output->text)) {
        output->text = PLACEHOLDER;
    }
    return (kellion_content){
        .kind = KELLION_TOOL_RESULT,
        .id = call->id,
        .parts = output,
        .part_count = 1,
        .is_error = result.status != KELLION_OK,
    };
}
