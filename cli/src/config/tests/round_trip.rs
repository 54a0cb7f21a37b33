//! Whatever is written reads back as what it meant.

use super::*;

fn any_text() -> BoxedStrategy<String> {
    prop_oneof![
        "[a-zA-Z0-9 ._/:#{}$-]{1,24}",
        "[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]{1,12}",
        "[a-z]{1,4}\n[a-z]{0,4}\n?"
    ]
    .boxed()
}

fn of_type(kind: &Type) -> BoxedStrategy<Value> {
    match kind {
        Type::Text { bytes_max } | Type::Secret { bytes_max } => {
            let bytes_max = *bytes_max;
            let fits = move |text: String| {
                if text.len() > bytes_max {
                    "a".to_owned()
                } else {
                    text
                }
            };
            any_text().prop_map(fits).prop_map(Value::from).boxed()
        }
        Type::Reference { .. } | Type::Service => any_text().prop_map(Value::from).boxed(),
        Type::Integer { min, max } => (*min..=*max).prop_map(Value::from).boxed(),
        Type::Bool => any::<bool>().prop_map(Value::from).boxed(),
        Type::Choice { choices } => prop::sample::select(choices.clone())
            .prop_map(Value::from)
            .boxed(),
        Type::List { of, len_max } => prop::collection::vec(of_type(of), 0..=(*len_max).min(3))
            .prop_map(Value::from)
            .boxed(),
        Type::Map { .. } => prop::collection::btree_map(any_text(), any_text(), 0..3)
            .prop_map(|map| {
                map.into_iter()
                    .map(|(key, value)| (key, value.into()))
                    .collect::<Map<_, Value>>()
                    .into()
            })
            .boxed(),
        Type::Object { fields } => of_fields(fields.clone()).prop_map(Value::Object).boxed(),
        Type::Scalar {} | Type::Unknown => prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any_text().prop_map(Value::from)
        ]
        .boxed(),
    }
}

/// Fields that may stand together, some of them left out.
fn of_fields(table: Vec<Field>) -> BoxedStrategy<Map<String, Value>> {
    let each: Vec<_> = table
        .iter()
        .map(|field| {
            let is_needed = field.presence == Presence::Required;
            let value = of_type(&field.kind);
            (value, any::<bool>())
                .prop_map(move |(value, is_there)| (is_needed || is_there).then_some(value))
        })
        .collect();
    each.prop_map(move |values| {
        let mut fields = Map::new();
        for (field, value) in table.iter().zip(values) {
            if let Some(value) = value
                && field.is_of(&table, &fields)
            {
                fields.insert(field.name.clone(), value);
            }
        }
        fields
    })
    .boxed()
}

fn any_object(kind: &Kind) -> BoxedStrategy<Object> {
    let name = match kind.names {
        Names::Strict => "[a-z0-9][a-z0-9._-]{0,20}".prop_map(String::from).boxed(),
        _ => "[a-zA-Z0-9ü#:&*'\"!?%@~{}\\[\\]-][a-zA-Z0-9 ü#:&*'\"!?%@~{}\\[\\]-]{0,20}x"
            .prop_map(String::from)
            .boxed(),
    };
    let plural = kind.plural.clone();
    (name, of_fields(kind.fields.clone()))
        .prop_map(move |(name, mut fields)| {
            fields.insert("name".to_owned(), name.into());
            (plural.clone(), fields)
        })
        .boxed()
}

fn any_objects() -> impl Strategy<Value = Vec<Object>> {
    let kinds = Kinds::built_in();
    // Settings have values of their own types, which no table of fields knows.
    let kinds: Vec<_> = kinds
        .kinds
        .iter()
        .filter(|kind| kind.name != "setting")
        .map(any_object)
        .collect();
    prop::collection::vec(prop::strategy::Union::new(kinds), 0..6).prop_map(|mut objects| {
        let kinds = Kinds::built_in();
        let order = |object: &Object| kinds.kinds.iter().position(|kind| kind.plural == object.0);
        objects.sort_by_key(|object| (order(object), object.1["name"].to_string()));
        objects.dedup_by_key(|object| (object.0.clone(), object.1["name"].clone()));
        objects
    })
}

fn meant(objects: impl IntoIterator<Item = Object>) -> Vec<Object> {
    let kinds = Kinds::built_in();
    let meant = |(plural, fields): Object| {
        let fields = tree::complete(kinds.of_plural(&plural).unwrap(), &fields);
        (plural, fields)
    };
    objects.into_iter().map(meant).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_exported_is_applied_as_it_was(objects in any_objects()) {
        let text = write::text(&objects, &Kinds::built_in());
        let document = of_text(&text).map_err(|faults| TestCaseError::fail(format!("{faults:?}\n{text}")))?;
        let read = document.objects.into_iter().map(|object| (object.plural, object.fields));
        prop_assert_eq!(meant(read), meant(objects), "{}", text);
    }

    #[test]
    fn a_folder_holds_whatever_was_exported_and_a_second_time_changes_nothing(objects in any_objects()) {
        let folder = tempfile::tempdir().unwrap();
        let first = write::folder(folder.path(), &objects, &Kinds::built_in()).unwrap();
        prop_assert_eq!(first.files.len(), objects.len());
        let second = write::folder(folder.path(), &objects, &Kinds::built_in()).unwrap();
        prop_assert_eq!((second.files.len(), second.unchanged), (0, objects.len()));
    }
}
