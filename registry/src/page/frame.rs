//! What every page shows around itself: who looks, where it is, what it may do. Made by the routes
//! of the pages, read by `frame.html`.
//! Must never decide what somebody may do: it shows what was decided.

/// A place in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// `/`.
    Fleet,
    /// `/payloads` and below.
    Payloads,
    /// `/deployments` and below.
    Deployments,
    /// `/rollouts` and below.
    Rollouts,
    /// `/nodes` and below.
    Nodes,
    /// `/audit`.
    Audit,
    /// `/access`.
    Access,
}

impl Section {
    /// All of them, in the order of the navigation, each with its address and its word.
    const ALL: [(Self, &'static str, &'static str); 7] = [
        (Self::Fleet, "/", "Fleet"),
        (Self::Payloads, "/payloads", "Payloads"),
        (Self::Deployments, "/deployments", "Deployments"),
        (Self::Rollouts, "/rollouts", "Rollouts"),
        (Self::Nodes, "/nodes", "Nodes"),
        (Self::Audit, "/audit", "Audit"),
        (Self::Access, "/access", "Access"),
    ];
}

/// What is around a page.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Name of the token that looks.
    pub(crate) viewer: String,
    /// Where it is.
    pub(crate) section: Section,
    /// Path and query of the page, to read it again.
    pub(crate) address: String,
    /// Whether the buttons that operate the fleet are shown.
    pub(crate) may_operate: bool,
    /// Whether what only an admin may see and do is shown.
    pub(crate) may_admin: bool,
}

impl Frame {
    /// The places that this token may look at.
    pub(super) fn sections(
        &self,
    ) -> impl Iterator<Item = (Section, &'static str, &'static str)> + '_ {
        let all = Section::ALL.into_iter();
        // The API shows the audit to operators alone.
        all.filter(|(section, ..)| *section != Section::Audit || self.may_operate)
    }
}
