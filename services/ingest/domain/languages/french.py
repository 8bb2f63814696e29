"""Français."""

from services.ingest.domain.languages.words import (
    ConfirmWords,
    FormWords,
    Language,
    PreferenceWords,
)

FRENCH = Language(
    code="fr",
    name="Français",
    preferences=PreferenceWords(
        title="Vos préférences d'e-mail",
        leave_title="Se désabonner ?",
        leave="Vous ne recevrez plus d'e-mails de cette boutique au sujet de : {topic}.",
        leave_all="Vous ne recevrez plus d'e-mails publicitaires de cette boutique.",
        leave_button="Me désabonner : {topic}",
        leave_all_button="Me désabonner",
        left_title="Vous êtes désabonné(e)",
        left="Vous ne recevrez plus d'e-mails au sujet de : {topic}.",
        left_all="Vous ne recevrez plus d'e-mails publicitaires.",
        close="Vous pouvez fermer cette page.",
        back="Vos autres préférences d'e-mail",
        choose="Ou choisissez ce que vous recevez",
        topics="Les e-mails que je souhaite recevoir",
        often="À quelle fréquence ?",
        normal="Comme d'habitude",
        less="Moins souvent, s'il vous plaît",
        less_hint="La boutique est informée de ce souhait. À lui seul, il n'arrête aucun e-mail.",
        language="Votre langue",
        keep_language="Inchangée",
        save="Enregistrer",
        nothing="Plus aucun e-mail publicitaire",
        nothing_hint="Ce qui concerne une commande, comme sa confirmation, arrive toujours.",
        saved="Vos choix sont enregistrés.",
        unchanged="Rien n'a été modifié.",
        away="Ce que vous recevez actuellement ne peut pas être affiché pour le moment. "
        "Vous pouvez vous désabonner malgré tout.",
        unknown_title="Ce lien ne fonctionne pas",
        unknown="Il a peut-être été tronqué. Veuillez rouvrir le lien dans l'e-mail.",
        failed_title="Cela n'a pas été enregistré",
        failed="Veuillez réessayer dans un instant.",
        page_language="Langue de cette page",
    ),
    confirm=ConfirmWords(
        title="Veuillez confirmer",
        text="Appuyez sur le bouton pour recevoir des e-mails au sujet de : {topics}.",
        button="Oui, je m'inscris",
        not_you="Si vous n'avez rien demandé, fermez cette page : il ne se passera rien.",
        done_title="Vous êtes inscrit(e)",
        done="Vous recevrez désormais des e-mails au sujet de : {topics}. "
        "Vous pouvez vous désabonner à tout moment.",
    ),
    form=FormWords(
        button="M'inscrire",
        optional="facultatif",
        faulty="Veuillez vérifier les champs signalés.",
        trap="Laissez ce champ vide",
        missing="Veuillez remplir ce champ.",
        no_address="Écrivez-la ainsi : name@example.com.",
        no_date="Écrivez-la ainsi : 1990-05-17.",
        too_long="C'est trop long.",
        no_text="Ce doit être un texte.",
        agree="Veuillez cocher cette case pour vous inscrire.",
        elsewhere="Cette page n'est pas l'une de celles du formulaire.",
        thanks_title="Merci",
        thanks="Vous êtes inscrit(e).",
        look_into_mail=(
            "C'est presque fini : appuyez sur le bouton dans l'e-mail que nous venons de vous "
            "envoyer."
        ),
        not_now_title="Cela n'a pas fonctionné",
        no_form_title="Ce formulaire n'existe pas",
        no_form="Le lien a peut-être été tronqué.",
        too_often="Trop d'essais. Veuillez patienter un instant, puis réessayer.",
        not_kept="Veuillez réessayer dans un instant.",
    ),
)
