//! What is wrong with what somebody typed into a form. Made by the routes of the pages from what the
//! API refused, shown by the templates beside the field.
//! Must never stand where nothing was sent.

/// Nothing, or one field and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Mistake(Option<(String, String)>);

impl Mistake {
    /// That of a field, as the API calls it.
    pub(crate) fn new(field: &str, detail: &str) -> Self {
        Self(Some((field.to_owned(), detail.to_owned())))
    }

    /// The same, where several forms of a page have a field of that name.
    pub(crate) fn of_form(self, form: &str) -> Self {
        let Self(wrong) = self;
        Self(wrong.map(|(field, detail)| (format!("{form}-{field}"), detail)))
    }

    /// Whether nothing is wrong.
    pub(super) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// What is wrong with this field.
    pub(super) fn at(&self, field: &str) -> Option<&str> {
        let (wrong, detail) = self.0.as_ref()?;
        (wrong == field).then_some(detail.as_str())
    }

    /// What is wrong with none of these fields, but all the same.
    pub(super) fn beside(&self, fields: &[&str]) -> Option<&str> {
        let (wrong, detail) = self.0.as_ref()?;
        (!fields.contains(&wrong.as_str())).then_some(detail.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_shown_once_at_its_field_or_above_all_of_them() {
        let mistake = Mistake::new("reason", "too long");
        assert_eq!(mistake.at("reason"), Some("too long"));
        assert_eq!(mistake.at("version"), None);
        assert_eq!(mistake.beside(&["reason", "version"]), None);
        assert_eq!(mistake.beside(&["version"]), Some("too long"));
        assert_eq!(Mistake::default().beside(&[]), None);
    }
}
