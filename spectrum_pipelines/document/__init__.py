"""Text to located data to diagnostics. Knows YAML and JSON Schema, but not what a pipeline is.

::

    position, diagnostic      where something stands, and what is wrong there: the vocabulary of this package
    source                    a file that a person names -> text
    characters                what must not stand in a text
    events, syntax            text -> YAML events, or what is wrong with the YAML in plain words
    scalars, tagged, copies   what a scalar, a tag, an alias means
    compose, tree, fault      events -> data and the place of every piece of it
    parse                     all of the above: source -> document and diagnostics
    gate                      is the data surely valid?
    gated                     if not: where, by jsonschema
    violation, alternatives   what jsonschema found, and which alternative was meant
    wording, hints, suggest   values in words, and what to write instead
    complaints, schema        document and schema -> diagnostics
"""
