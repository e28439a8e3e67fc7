//! The schema in `docs/json.md`, and whether something fits it: as much of JSON Schema as that document uses, and an error
//! for anything else in it.

use serde_json::{Map, Value};

/// Types that tests of single modules produce, since it takes long to bring them about between real programs. All others
/// occur in a test that runs some.
pub const BY_FIXTURE: &[&str] = &["action", "back", "crowd", "cut", "failed", "lost", "missed", "renumbered", "slowed"];

/// The schema of what is written.
pub struct Schema(Value);

impl Schema {
    /// The schema that stands in the document.
    pub fn documented() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.md");
        let text = std::fs::read_to_string(path).expect("the document is there");
        let (_, rest) = text.split_once("```json\n{\n  \"$schema\"").expect("it has a schema");
        let (schema, _) = rest.split_once("\n```").expect("which ends");
        Self(serde_json::from_str(&format!("{{\n  \"$schema\"{schema}")).expect("the schema is JSON"))
    }

    fn definitions(&self) -> &Map<String, Value> {
        self.0["$defs"].as_object().expect("definitions")
    }

    /// The types that are documented.
    pub fn kinds(&self) -> Vec<&str> {
        let refs = self.0["oneOf"].as_array().expect("a list of types");
        refs.iter().map(|one| self.referred(one).0).collect()
    }

    /// The names of the fields of a type.
    pub fn fields(&self, kind: &str) -> Vec<&str> {
        let fields = self.definitions()[kind]["properties"].as_object().expect("fields");
        fields.keys().map(String::as_str).collect()
    }

    fn referred(&self, schema: &Value) -> (&str, &Value) {
        let name = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")).expect("a reference");
        let (name, definition) = self.definitions().get_key_value(name).unwrap_or_else(|| panic!("{name}"));
        (name, definition)
    }

    /// The type of a written line, which has to fit what is documented of it.
    pub fn check(&self, line: &str) -> String {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let kind = value["type"].as_str().unwrap_or_else(|| panic!("no type: {line}")).to_owned();
        assert!(self.kinds().contains(&&*kind), "not documented: {line}");
        assert!(["type", "time"].iter().all(|field| self.fields(&kind).contains(field)), "{kind} has no time");
        if let Err(wrong) = self.fits(&value, &self.definitions()[&kind]) {
            panic!("{wrong}: {line}");
        }
        kind
    }

    fn fits(&self, value: &Value, schema: &Value) -> Result<(), String> {
        let rules = schema.as_object().expect("a schema is an object");
        for (rule, wanted) in rules {
            let fits = match &**rule {
                "$ref" => {
                    self.fits(value, self.referred(schema).1)?;
                    true
                }
                "const" => value == wanted,
                "enum" => wanted.as_array().expect("a list").contains(value),
                "type" => match wanted {
                    Value::Array(any) => any.iter().any(|one| is(value, one)),
                    one => is(value, one),
                },
                "minimum" => value.as_u64().zip(wanted.as_u64()).is_some_and(|(value, least)| value >= least),
                "minLength" => value.as_str().zip(wanted.as_u64()).is_some_and(|(text, len)| text.len() as u64 >= len),
                "items" => {
                    for item in value.as_array().into_iter().flatten() {
                        self.fits(item, wanted)?;
                    }
                    true
                }
                "required" => {
                    let names = wanted.as_array().expect("a list").iter().map(|name| name.as_str().expect("a name"));
                    let missing: Vec<_> = names.filter(|name| value.get(*name).is_none()).collect();
                    if !missing.is_empty() {
                        return Err(format!("{missing:?} is missing"));
                    }
                    true
                }
                "properties" => {
                    for (name, field) in value.as_object().into_iter().flatten() {
                        let Some(field_schema) = wanted.get(name) else { return Err(format!("{name} is unknown")) };
                        self.fits(field, field_schema).map_err(|wrong| format!("{name}: {wrong}"))?;
                    }
                    true
                }
                "additionalProperties" => *wanted == Value::Bool(false),
                "description" => true,
                other => panic!("the schema uses {other}, which is not looked at"),
            };
            if !fits {
                return Err(format!("{value} is not {rule} {wanted}"));
            }
        }
        Ok(())
    }
}

fn is(value: &Value, kind: &Value) -> bool {
    match kind.as_str().expect("the name of a type") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("{other} is no type"),
    }
}
