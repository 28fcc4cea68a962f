// SPDX-License-Identifier: Apache-2.0
#include "event/nesting.h"

#define NODES_MOST (FIELD_COUNT * 5)
#define SLOTS      4096 /* a power of two, sparse: most keys are found at the first look */

_Static_assert(SLOTS > 2 * NODES_MOST, "the table of keys is too full");
_Static_assert(NODES_MOST < UINT16_MAX, "numbers of nodes have 16 bits");

struct nesting nestings[FIELD_COUNT];
uint16_t nesting_places[FIELD_COUNT];
bool nesting_is_table_order = true;
const char *nesting_flaw;
struct nesting_node nesting_nodes[NODES_MOST];

static unsigned int node_count = 1; /* 0 is the line itself */
static unsigned int object_count;
static uint16_t slots[SLOTS];
static char hex_keys[FIELD_COUNT][FIELD_PATH_MOST + 4 + 8];

/* The tree in the order in which it was first named: children of a node from its first to its last.
 */
static uint16_t first_child[NODES_MOST], next_child[NODES_MOST], last_child[NODES_MOST];

unsigned int nesting_find(unsigned int parent, const char *key, size_t length)
{
	uint32_t at = nesting_hash(parent, key, length);

	for (;; at++) {
		unsigned int node = slots[at % SLOTS];
		const struct nesting_node *found = &nesting_nodes[node];

		if (node == 0)
			return 0;
		if (found->parent == parent && found->key_length == length &&
		    !memcmp(found->key, key, length))
			return node;
	}
}

/* Eight bytes from any key can be read: it lies inside a path with its zero, or is padded. */
static unsigned int find_padded(unsigned int parent, const char *key, size_t length)
{
	char padded[FIELD_PATH_MOST + 16] = {};

	memcpy(padded, key, length);
	return nesting_find(parent, padded, length);
}

static unsigned int add_node(unsigned int parent, struct text key, enum nesting_kind kind,
			     enum field field)
{
	unsigned int node = find_padded(parent, key.data, key.length);
	char padded[FIELD_PATH_MOST + 16] = {};
	uint32_t at;

	if (node) {
		if (nesting_nodes[node].kind != kind || kind == NESTING_FIELD)
			nesting_flaw = field_rows[field].path;
		return node;
	}
	if (node_count >= NODES_MOST) {
		nesting_flaw = "too many nodes";
		return 0;
	}
	node = node_count++;
	nesting_nodes[node] = (struct nesting_node){
		.parent = (uint16_t)parent,
		.kind = (uint8_t)kind,
		.key_length = (uint8_t)key.length,
		.field = (uint16_t)field,
		.key = key.data,
	};
	memcpy(padded, key.data, key.length);
	for (at = nesting_hash(parent, padded, key.length); slots[at % SLOTS]; at++)
		;
	slots[at % SLOTS] = (uint16_t)node;
	if (last_child[parent])
		next_child[last_child[parent]] = (uint16_t)node;
	else
		first_child[parent] = (uint16_t)node;
	last_child[parent] = (uint16_t)node;
	return node;
}

static void append(struct nesting *nesting, const char *text, size_t length)
{
	memcpy(nesting->opening + nesting->length, text, length);
	nesting->length = (uint8_t)(nesting->length + length);
}

/* The key of an object or of the field itself, as the writer copies it. */
static void append_key(struct nesting *nesting, struct text key, const char *behind)
{
	nesting->begins[nesting->depth] = nesting->length;
	append(nesting, "\"", 1);
	append(nesting, key.data, key.length);
	append(nesting, behind, strlen(behind));
}

static void add_hex(unsigned int parent, struct text key, enum field field)
{
	memcpy(hex_keys[field], key.data, key.length);
	memcpy(hex_keys[field] + key.length, "_hex", 4);
	add_node(parent, (struct text){ hex_keys[field], key.length + 4 }, NESTING_HEX, field);
}

static struct nesting by_field[FIELD_COUNT];
static uint8_t object_numbers[NODES_MOST];

static void add_leaf(struct nesting *nesting, unsigned int parent, struct text key)
{
	enum field field = nesting->field;
	enum field_type type = field_rows[field].type;

	add_node(parent, key, NESTING_FIELD, field);
	if (type == TYPE_str || type == TYPE_list)
		add_hex(parent, key, field);
	if (nesting_nodes[parent].kind != NESTING_LIST) {
		append_key(nesting, key, "\":");
		return;
	}
	if (type != TYPE_list)
		nesting_flaw = field_rows[field].path;
	nesting->column[0] = '"';
	memcpy(nesting->column + 1, key.data, key.length);
	memcpy(nesting->column + 1 + key.length, "\":", 2);
	nesting->column_length = (uint8_t)(key.length + 3);
}

static void add_field(enum field field)
{
	struct nesting *nesting = &by_field[field];
	const char *part = field_rows[field].path;
	unsigned int parent = 0;

	nesting->field = field;
	for (;;) {
		size_t length = strcspn(part, ".[");
		struct text key = { part, length };
		bool list = !strncmp(part + length, "[].", 3);

		if (part[length] == '\0') {
			add_leaf(nesting, parent, key);
			return;
		}
		/* A list of objects has plain columns, and a path so many parts that they can be
		 * numbered in a word. */
		if (nesting_nodes[parent].kind == NESTING_LIST || (part[length] == '[' && !list) ||
		    nesting->depth >= NESTING_DEPTH_MOST || object_count >= 255) {
			nesting_flaw = field_rows[field].path;
			return;
		}
		parent = add_node(parent, key, list ? NESTING_LIST : NESTING_OBJECT, field);
		part += length + (list ? 3 : 1);
		if (list) {
			append_key(nesting, key, "\":");
			continue;
		}
		append_key(nesting, key, "\":{");
		if (!object_numbers[parent])
			object_numbers[parent] = (uint8_t)++object_count;
		nesting->objects |= (uint64_t)object_numbers[parent] << (8 * nesting->depth);
		nesting->depth++;
	}
}

/* Walks the tree, depth first, and gives each field its place in a line. */
static void place_fields(void)
{
	unsigned int node = first_child[0], place = 0, list = 0;

	while (node) {
		const struct nesting_node *at = &nesting_nodes[node];

		if (at->kind == NESTING_LIST)
			list = place;
		if (at->kind == NESTING_FIELD) {
			nestings[place] = by_field[at->field];
			nesting_places[at->field] = (uint16_t)place;
			nesting_is_table_order &= place == at->field;
			if (nesting_nodes[at->parent].kind == NESTING_LIST) {
				nestings[place].first = (uint16_t)list;
				for (unsigned int i = list; i <= place; i++)
					nestings[i].end = (uint16_t)(place + 1);
			}
			place++;
		}
		if (first_child[node]) {
			node = first_child[node];
			continue;
		}
		while (node && !next_child[node])
			node = nesting_nodes[node].parent;
		node = node ? next_child[node] : 0;
	}
	if (place != FIELD_COUNT)
		nesting_flaw = nesting_flaw ?: "a field has no place";
}

__attribute__((constructor)) static void make_nestings(void)
{
	nesting_nodes[0].kind = NESTING_OBJECT;
	for (unsigned int field = 0; field < FIELD_COUNT; field++)
		add_field((enum field)field);
	place_fields();
	/* A list of objects is known by its first column. */
	for (unsigned int node = 1; node < node_count; node++)
		if (nesting_nodes[node].kind == NESTING_LIST)
			nesting_nodes[node].field = nesting_nodes[first_child[node]].field;
}
