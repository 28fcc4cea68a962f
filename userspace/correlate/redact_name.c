// SPDX-License-Identifier: Apache-2.0
/* What says of itself that it is secret: names of flags and variables, and tokens. */
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "correlate/redact_private.h"

static bool ends_with(struct text text, struct text suffix)
{
	return text.length >= suffix.length &&
	       ((text.data[text.length - 1] ^ suffix.data[suffix.length - 1]) & ~0x20) == 0 &&
	       strncasecmp(text.data + text.length - suffix.length, suffix.data, suffix.length) ==
		       0;
}

/* The letters that the words below begin with: few places of a name have two of them. */
static bool may_begin(char first, char second)
{
	second |= 0x20;
	switch (first | 0x20) {
	case 'a':
		return second == 'p' || second == 'c' || second == 'u';
	case 'e':
		return second == 'n';
	case 'm':
		return second == 'a';
	case 'x':
		return second == ('-' | 0x20);
	case 'c':
		return second == 'r';
	case 'p':
		return second == 'a' || second == 'r';
	case 'r':
	case 's':
		return second == 'e';
	case 't':
		return second == 'o';
	default:
		return false;
	}
}

bool redact_is_secret_name(const struct redact *redact, struct text name)
{
	static const struct text words[] = {
		TEXT("password"),        TEXT("passwd"),         TEXT("passphrase"),
		TEXT("passwort"),        TEXT("secret"),         TEXT("token"),
		TEXT("apikey"),          TEXT("api_key"),        TEXT("api-key"),
		TEXT("accesskey"),       TEXT("access_key"),     TEXT("access-key"),
		TEXT("privatekey"),      TEXT("private_key"),    TEXT("private-key"),
		TEXT("credential"),      TEXT("authorization"),  TEXT("registry-auth"),
		TEXT("registry-config"), TEXT("authkey"),        TEXT("auth-key"),
		TEXT("auth_key"),        TEXT("encryption-key"), TEXT("encryption_key"),
		TEXT("master-key"),      TEXT("master_key"),     TEXT("accountkey"),
		TEXT("account-key"),     TEXT("account_key"),    TEXT("x-amz-signature"),
	};
	static const struct text wholes[] = {
		TEXT("pass"),       TEXT("auth"),     TEXT("pwd"), TEXT("cookie"),
		TEXT("set-cookie"), TEXT("bearer"),   TEXT("pw"),  TEXT("requirepass"),
		TEXT("masterauth"), TEXT("dbpass"),   TEXT("psk"), TEXT("sig"),
		TEXT("creds"),      TEXT("UnlockKey")
	};
	/* These name where a secret is, or ask for it. */
	static const struct text not_ends[] = { TEXT("-stdin"),  TEXT("_stdin"), TEXT("-file"),
						TEXT("_file"),   TEXT("-path"),  TEXT("_path"),
						TEXT("-prompt"), TEXT(".file"),  TEXT(".path"),
						TEXT("-dir"),    TEXT("_dir"),   TEXT("-plugin") };
	static const struct text ends[] = { TEXT("_pass"), TEXT("-pass"), TEXT(".pass"),
					    TEXT("_pwd"),  TEXT("-pwd"),  TEXT("_auth"),
					    TEXT("-auth"), TEXT("_pw"),   TEXT("-pw"),
					    TEXT("-psk"),  TEXT("_psk"),  TEXT("-creds"),
					    TEXT("_creds") };

	while (name.length > 0 && name.data[0] == '-')
		name = redact_skip(name, 1);
	if (redact_is_operators_name(redact, name))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(not_ends); i++)
		if (ends_with(name, not_ends[i]))
			return false;
	if (redact_begins_with(name, "no-") || redact_begins_with(name, "with-token") ||
	    (name.length == 3 && memcmp(name.data, "PWD", 3) == 0))
		return false;
	for (struct text rest = name; rest.length > 4; rest = redact_skip(rest, 1))
		for (size_t i = 0; may_begin(rest.data[0], rest.data[1]) && i < ARRAY_SIZE(words);
		     i++)
			if (redact_begins(rest, words[i]))
				return true;
	for (size_t i = 0; i < ARRAY_SIZE(wholes); i++)
		if (name.length == wholes[i].length && redact_begins(name, wholes[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (ends_with(name, ends[i]))
			return true;
	return false;
}

const struct redact_token *redact_find_token(struct text text)
{
	static const struct redact_token tokens[] = {
		{ TEXT("ghp_"), 16 },      { TEXT("gho_"), 16 },
		{ TEXT("ghu_"), 16 },      { TEXT("ghs_"), 16 },
		{ TEXT("ghr_"), 16 },      { TEXT("github_pat_"), 16 },
		{ TEXT("glpat-"), 16 },    { TEXT("xoxb-"), 10 },
		{ TEXT("xoxp-"), 10 },     { TEXT("xoxa-"), 10 },
		{ TEXT("xoxs-"), 10 },     { TEXT("sk-"), 20 },
		{ TEXT("sk_live_"), 10 },  { TEXT("rk_live_"), 10 },
		{ TEXT("dckr_pat_"), 10 }, { TEXT("dckr_oat_"), 10 },
		{ TEXT("SWMTKN-"), 1 },    { TEXT("SWMKEY-"), 1 },
		{ TEXT("AKIA"), 16 },      { TEXT("ASIA"), 16 },
		{ TEXT("eyJ"), 10 },       { TEXT("hvs."), 10 },
		{ TEXT("npm_"), 30 },      { TEXT("pypi-"), 30 },
		{ TEXT("AIza"), 30 },      { TEXT("ya29."), 10 },
		{ TEXT("glptt-"), 16 },    { TEXT("gldt-"), 16 },
		{ TEXT("dop_v1_"), 16 },   { TEXT("shpat_"), 16 },
		{ TEXT("SG."), 20 },       { TEXT("hvb."), 10 },
		{ TEXT("sk_test_"), 10 },  { TEXT("tskey-"), 10 },
		{ TEXT("hf_"), 20 },       { TEXT("xoxe-"), 10 },
		{ TEXT("xapp-"), 10 },     { TEXT("AGE-SECRET-KEY-"), 10 },
	};

	/* Their first letters: this is asked of every word. */
	static const bool first[256] = {
		['g'] = 1, ['x'] = 1, ['s'] = 1, ['r'] = 1, ['d'] = 1, ['S'] = 1, ['A'] = 1,
		['e'] = 1, ['h'] = 1, ['n'] = 1, ['p'] = 1, ['y'] = 1, ['t'] = 1,
	};

	if (text.length == 0 || !first[(uint8_t)text.data[0]])
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++)
		if (text.data[0] == tokens[i].prefix.data[0] &&
		    text.length >= tokens[i].prefix.length &&
		    memcmp(text.data, tokens[i].prefix.data, tokens[i].prefix.length) == 0)
			return &tokens[i];
	return NULL;
}
